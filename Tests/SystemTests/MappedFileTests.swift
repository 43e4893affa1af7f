import System
import TestSupport
import Testing

@Suite("Mapped files")
struct MappedFileTests {
    @Test("a small file is not mapped, so that there may be more of them than mappings")
    func small() throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("text.txt", Array("before".utf8))
        let file = try MappedFile(path: path)
        try folder.write("after!", to: "text.txt")
        #expect(Array(file.bytes) == Array("before".utf8))
    }

    @Test("reading behind the end of a file that was shortened ends the process with exit code 2 and names the file")
    func shortened() async throws {
        let result = await #expect(
            processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
        ) {
            let folder = try TemporaryFolder()
            let path = try folder.file("text.txt", [UInt8](repeating: 0x61, count: 100_000))
            let file = try MappedFile(path: path)
            try folder.write("", to: "text.txt")
            print(file.bytes[50_000])
        }
        let errors = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(errors.contains("/text.txt: the file was shortened while it was being read"), "\(errors)")
    }
}
