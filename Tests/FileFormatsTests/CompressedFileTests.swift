import FileFormats
import System
import TestSupport
import Testing

@Suite("Compressed files")
struct CompressedFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// 40 lines, the first 300 bytes and the rest compressed apart, as `cat a.gz b.gz` gives.
    private static let text = Array(String(repeating: "the river sings\n", count: 40).utf8)
    private static let gzip: [UInt8] = [
        0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x2B, 0xC9, 0x48, 0x55, 0x28, 0xCA, 0x2C, 0x4B,
        0x2D, 0x52, 0x28, 0xCE, 0xCC, 0x4B, 0x2F, 0xE6, 0x2A, 0x19, 0xE5, 0xE3, 0xE4, 0x03, 0x00, 0x16, 0x39, 0x5E,
        0x5E, 0x2C, 0x01, 0x00, 0x00, 0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xCB, 0x4B, 0x2F,
        0xE6, 0x2A, 0xC9, 0x48, 0x55, 0x28, 0xCA, 0x2C, 0x4B, 0x2D, 0x52, 0x28, 0xCE, 0xCC, 0x1B, 0xE5, 0x53, 0xCC,
        0x07, 0x00, 0xB6, 0xB0, 0xE0, 0xBC, 0x54, 0x01, 0x00, 0x00,
    ]
    private static let zstd: [UInt8] = [
        0x28, 0xB5, 0x2F, 0xFD, 0x60, 0x2C, 0x00, 0xBD, 0x00, 0x00, 0x80, 0x74, 0x68, 0x65, 0x20, 0x72, 0x69, 0x76,
        0x65, 0x72, 0x20, 0x73, 0x69, 0x6E, 0x67, 0x73, 0x0A, 0x01, 0x00, 0x32, 0x46, 0x9D, 0x4B, 0x28, 0xB5, 0x2F,
        0xFD, 0x60, 0x54, 0x00, 0xBD, 0x00, 0x00, 0x80, 0x6E, 0x67, 0x73, 0x0A, 0x74, 0x68, 0x65, 0x20, 0x72, 0x69,
        0x76, 0x65, 0x72, 0x20, 0x73, 0x69, 0x01, 0x00, 0x82, 0x46, 0x9D, 0x4B,
    ]
    private static let files = [(name: "a.gz", bytes: gzip), (name: "a.zst", bytes: zstd)]

    private func contents(_ bytes: [UInt8], _ name: String, limit: Int = 1 << 20) throws -> [UInt8] {
        let file = try CompressedFile.contents(of: MappedFile(path: folder.file(name, bytes)), limit: limit)
        return withExtendedLifetime(file) { Array(file.bytes) }
    }

    @Test("all members of a gzip file and all frames of a zstd file are read", arguments: files)
    func whole(name: String, bytes: [UInt8]) throws {
        #expect(try contents(bytes, name) == Self.text)
        #expect(try contents(bytes, name, limit: Self.text.count) == Self.text)
        // Larger than the first piece of memory.
        let many = Array(repeatElement(bytes, count: 400).joined())
        #expect(try contents(many, name) == Array(repeatElement(Self.text, count: 400).joined()))
    }

    @Test("other files are read as they are")
    func plain() throws { #expect(try contents(Self.gzip, "a.txt") == Self.gzip) }

    @Test("a file that ends too early is refused, wherever it ends", arguments: files)
    func truncated(name: String, bytes: [UInt8]) throws {
        let format = name == "a.gz" ? "gzip" : "zstd"
        for count in 1..<bytes.count {
            let file = try MappedFile(path: folder.file(name, Array(bytes[..<count])))
            do {
                // It may end between two members.
                #expect(try CompressedFile.contents(of: file).bytes.count == 300, "\(count) bytes")
            } catch {
                #expect(error == .truncated(format: format), "\(count) bytes")
            }
        }
    }

    @Test("damaged and foreign data is refused", arguments: files)
    func damaged(name: String, bytes: [UInt8]) throws {
        let format = name == "a.gz" ? "gzip" : "zstd"
        for index in 0..<4 {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: CompressedFile.Failure.damaged(format: format)) { _ = try contents(damaged, name) }
        }
        #expect(throws: CompressedFile.Failure.damaged(format: format)) { _ = try contents(Self.text, name) }
    }

    @Test("contents beyond the limit are refused", arguments: files)
    func limit(name: String, bytes: [UInt8]) throws {
        for limit in [1, 299, Self.text.count - 1] {
            #expect(throws: CompressedFile.Failure.tooLarge(bytes: limit)) {
                _ = try contents(bytes, name, limit: limit)
            }
        }
    }

    @Test("a compressed file's name without its ending")
    func names() {
        #expect(
            CompressedFile.plainName("a/b.jsonl.gz") == "a/b.jsonl" && CompressedFile.plainName("c.ts.zst") == "c.ts")
        #expect(CompressedFile.plainName("d.txt") == "d.txt")
    }
}
