import Glibc
import RunFolder
import Testing

@Suite struct RunFolderErrorTests {
    @Test("a folder that can't be written is an error of the system")
    func systemFault() {
        let fault = RunFolderError.cannotWriteInto(folder: "x", code: EROFS)
        #expect("\(fault)" == "Cannot write into the folder x: Read-only file system.")
        #expect(fault.exitCode == 1)
    }

    @Test("a wrong name and a damaged file have exit code 2")
    func userFaults() {
        let faults: [RunFolderError] = [
            .nothingThere(path: "x", code: ENOENT), .notAModel(path: "x"), .notARun(path: "x"),
            .noCheckpoint(run: "x", damaged: []), .noCheckpointOfStep(run: "x", step: 1),
            .missingFile(checkpoint: "x", file: "y"),
            .newerFormat(checkpoint: "x", found: 2, known: 1, program: "9"),
            .otherChecksum(checkpoint: "x", file: "y", found: "1", expected: "2"),
            .badField(path: "x", key: "k", found: nil, expected: "a text"),
        ]
        for fault in faults { #expect(fault.exitCode == 2) }
    }
}
