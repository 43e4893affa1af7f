import FileFormats
import Glibc
import TestSupport
import Testing

@Suite struct ChecksumTests {
    @Test("the checksums are those of the standard's examples (FIPS 180-2, appendix B)")
    func knownChecksums() {
        #expect(Checksum.sha256(of: "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Checksum.sha256(of: [UInt8]()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test("a file's checksum is that of its contents, whether shorter or longer than a piece")
    func fileChecksum() throws {
        let folder = try TemporaryFolder()
        // A million letters a: appendix B.3. The other sizes are around the piece of 2^20 bytes.
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        let known = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        #expect(try Checksum.sha256(ofFile: folder.file("million", million)) == known)
        for size in [0, 1, 1 << 20, 1 << 20 + 1, 3 << 20 + 17] {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
            #expect(try Checksum.sha256(ofFile: folder.file("bytes", bytes)) == Checksum.sha256(of: bytes))
        }
    }

    @Test("a missing file and a folder are errors that name them")
    func unreadable() throws {
        let folder = try TemporaryFolder()
        #expect(
            errorText(in: folder) { _ = try Checksum.sha256(ofFile: folder.file("none")) }
                == "none cannot be read: No such file or directory.")
        #expect(
            errorText { _ = try Checksum.sha256(ofFile: "/tmp") }
                == "/tmp is a folder, a pipe or a device; a file is needed here.")
    }

    @Test("a pipe without a writer is refused immediately")
    func pipe() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        #expect(
            errorText(in: folder) { _ = try Checksum.sha256(ofFile: folder.file("pipe")) }
                == "pipe is a folder, a pipe or a device; a file is needed here.")
    }
}
