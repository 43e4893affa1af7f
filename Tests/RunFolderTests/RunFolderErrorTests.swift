import Glibc
import RunFolder
import Testing

@Suite struct RunFolderErrorTests {
    @Test("the system's faults say which folder and why, and end with 1")
    func systemFaults() {
        let faults: [(RunFolderError, String)] = [
            (.cannotMake(folder: "x", code: EACCES), "The folder x cannot be made: Permission denied."),
            (
                .cannotWriteInto(folder: "x", code: EROFS),
                "Nothing can be written into the folder x: Read-only file system."
            ),
            (.cannotList(folder: "x", code: EACCES), "The folder x cannot be listed: Permission denied."),
            (.cannotReplace(path: "x", code: EBUSY), "x cannot be replaced or removed: Device or resource busy."),
            (
                .cannotSync(folder: "x", code: EIO),
                "The entries of the folder x cannot be brought to the disk: Input/output error."
            ),
        ]
        for (fault, text) in faults {
            #expect("\(fault)" == text)
            #expect(fault.exitCode == 1)
        }
    }

    @Test("what the user named wrongly or damaged ends with 2")
    func usersFaults() {
        let faults: [RunFolderError] = [
            .nothingThere(path: "x", code: ENOENT), .notAModel(path: "x"), .notARun(path: "x"),
            .noCheckpoint(run: "x", damaged: []), .noCheckpointOfStep(run: "x", step: 1),
            .missingFile(checkpoint: "x", file: "y"),
            .newerFormat(checkpoint: "x", found: 2, known: 1, program: "9"),
            .otherChecksum(checkpoint: "x", file: "y", found: "1", expected: "2"),
            .badField(path: "x", key: "k", found: nil, expected: "a text"), .notText(path: "x"),
        ]
        for fault in faults { #expect(fault.exitCode == 2) }
    }
}
