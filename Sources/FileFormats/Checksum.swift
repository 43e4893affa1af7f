import Crypto

/// SHA-256 as 64 lower-case hexadecimal digits, as `sha256sum` prints it.
package enum Checksum {
    /// Bytes of a file that are in memory at a time.
    private static let piece = 1 << 20

    /// The checksum of a regular file's contents, read piece by piece.
    package static func sha256(ofFile path: String) throws -> String {
        let file = try OpenFile.reading(path)
        var checksum = RunningChecksum()
        var offset = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer, at: offset)
            checksum.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += count
            if count < piece { return checksum.text }
        }
    }

    /// The checksum of bytes in memory.
    package static func sha256(of bytes: UnsafeRawBufferPointer) -> String {
        var checksum = RunningChecksum()
        checksum.update(bytes)
        return checksum.text
    }

    /// The checksum of bytes in memory.
    package static func sha256(of bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { sha256(of: $0) }
    }

    /// The checksum of a text's UTF-8 bytes.
    package static func sha256(of text: String) -> String {
        var text = text
        return text.withUTF8 { sha256(of: UnsafeRawBufferPointer($0)) }
    }
}

/// The SHA-256 of bytes that come one piece after the other.
package struct RunningChecksum {
    private var hash = SHA256()

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    /// Of all bytes so far, as `Checksum` writes it.
    package var text: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in hash.finalize() {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
