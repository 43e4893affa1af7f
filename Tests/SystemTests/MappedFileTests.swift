import Foundation
import Glibc
import System
import Testing

@Suite("Mapped files")
struct MappedFileTests {
    @Test("a small file is not mapped, so that there may be more of them than mappings")
    func small() throws {
        let folder = try Folder()
        let path = try folder.write(Array("before".utf8))
        let file = try MappedFile(path: path)
        try folder.write(Array("after!".utf8))
        #expect(Array(file.bytes) == Array("before".utf8))
    }

    @Test("reading behind the end of a file that was shortened ends the process with exit code 2 and names the file")
    func shortened() async throws {
        let result = await #expect(
            processExitsWith: .exitCode(2), observing: [\.standardErrorContent]
        ) {
            let folder = try Folder()
            let path = try folder.write([UInt8](repeating: 0x61, count: 100_000))
            let file = try MappedFile(path: path)
            truncate(path, 0)
            print(file.bytes[50_000])
        }
        let errors = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(errors.contains("/text.txt: the file was shortened while it was being read"), "\(errors)")
    }
}

/// A folder with one file, removed with the object.
private final class Folder {
    private let url = FileManager.default.temporaryDirectory.appending(path: "mapped-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes the file and returns its path.
    @discardableResult
    func write(_ bytes: [UInt8]) throws -> String {
        let file = url.appending(path: "text.txt")
        try Data(bytes).write(to: file)
        return file.path
    }
}
