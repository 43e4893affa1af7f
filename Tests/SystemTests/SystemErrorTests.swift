import Glibc
import System
import Testing

@Suite struct SystemErrorTests {
    @Test("each error names the path and the system's reason, and has an exit code")
    func descriptions() {
        let cases: [(SystemError, String, Int32)] = [
            (.cannotRead(path: "x", code: ENOENT), "x cannot be read: No such file or directory.", 2),
            (.cannotRead(path: "x", code: EACCES), "x cannot be read: Permission denied.", 2),
            (.cannotRead(path: "x", code: EIO), "x cannot be read: Input/output error.", 1),
            (.cannotRead(path: "x", code: EMFILE), "x cannot be read: Too many open files.", 1),
            (.cannotWrite(path: "x", code: ENOSPC), "x cannot be written: No space left on device.", 1),
            (.notRegular(path: "x"), "x is a folder, a pipe or a device; a file is needed here.", 2),
            (.notText(path: "x"), "x is not text in UTF-8.", 2),
            (.cannotMake(folder: "x", code: EACCES), "The folder x cannot be made: Permission denied.", 1),
            (.cannotList(folder: "x", code: EACCES), "The folder x cannot be listed: Permission denied.", 1),
            (
                .cannotReplace(path: "x", code: EBUSY), "x cannot be replaced or removed: Device or resource busy.", 1
            ),
            (
                .cannotSync(folder: "x", code: EIO),
                "The entries of the folder x cannot be synced to the disk: Input/output error.", 1
            ),
        ]
        for (error, text, code) in cases {
            #expect("\(error)" == text)
            #expect(error.exitCode == code)
        }
    }
}
