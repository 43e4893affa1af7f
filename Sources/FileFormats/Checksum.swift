import COpenSSL
import System

/// SHA-256 as 64 lower-case hexadecimal digits, as `sha256sum` prints it.
package enum Checksum {
    /// Bytes of a file that are read at a time.
    private static let piece = 1 << 20

    /// The checksum of a regular file's contents, read in pieces.
    package static func sha256(ofFile path: String) throws -> String {
        let file = try OpenFile.reading(path)
        let checksum = RunningChecksum()
        var offset = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer, at: offset)
            checksum.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += count
            if count < piece { return checksum.finish() }
        }
    }

    /// The checksum of bytes in memory.
    package static func sha256(of bytes: UnsafeRawBufferPointer) -> String {
        let checksum = RunningChecksum()
        checksum.update(bytes)
        return checksum.finish()
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

/// The SHA-256 of bytes that are added in pieces. Source: FIPS 180-4, section 6.2, computed by OpenSSL's libcrypto.
package final class RunningChecksum {
    private let context: OpaquePointer

    package init() {
        // libcrypto fails here only if it is out of memory, which Swift's allocations don't survive either.
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The checksum of all bytes, in the format of `Checksum`. May be called only once.
    package func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &digest, nil)
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
