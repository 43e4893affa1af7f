import FileFormats
import TestSupport
import Testing

@Suite struct FileFormatErrorTests {
    @Test("the exit code distinguishes errors in files from errors of the system")
    func exitCodes() {
        let users: [FileFormatError] = [
            .notJSON(source: "x", line: 1, column: 1, problem: "p"), .notSafetensors(path: "x", problem: "p"),
            .badTensor(path: "x", tensor: "t", problem: "p"), .noSuchTensor(path: "x", tensor: "t", names: []),
            .unreadableType(path: "x", tensor: "t", type: "I8"),
            .otherSize(path: "x", tensor: "t", shape: [], found: 1, expected: 2),
        ]
        #expect(users.map(\.exitCode) == users.map { _ in 2 })
        #expect(FileFormatError.unwritableTensor(tensor: "t", problem: "p").exitCode == 1)
    }

    @Test("the message about a missing tensor in a file without tensors")
    func noNames() {
        #expect(
            "\(FileFormatError.noSuchTensor(path: "x", tensor: "t", names: []))" == "x has no tensor 't'; it has none.")
    }

    @Test("a file in a folder that isn't there can't be written")
    func noFolder() throws {
        let folder = try TemporaryFolder()
        #expect(
            errorText(in: folder) { try SafetensorsWriter.write(to: folder.file("none/x"), tensors: []) }
                == "none/x cannot be written: No such file or directory.")
    }
}
