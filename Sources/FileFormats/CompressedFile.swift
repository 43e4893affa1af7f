private import CCompression
package import System

/// A file that is compressed with gzip or zstd, by its name's ending.
package enum CompressedFile {
    /// Why a file can't be decompressed.
    package enum Failure: Error, Equatable {
        /// `library` is not on this machine.
        case noLibrary(library: String)
        /// It is not in the format of its ending, such as gzip.
        case damaged(format: String)
        /// It ends too early.
        case truncated(format: String)
        /// Its contents have more bytes than this.
        case tooLarge(bytes: Int)
        case outOfMemory
    }

    /// Larger contents belong in a plain file, which is mapped: decompressed, every rank has its own copy.
    package static let largest = 2 << 30

    private static let formats: [(ending: String, name: String, library: String)] = [
        (".gz", "gzip", "libz.so.1 (zlib)"), (".zst", "zstd", "libzstd.so.1 (zstd)"),
    ]

    /// The name without the ending of a compressed file.
    package static func plainName(_ path: String) -> String {
        for format in formats where path.hasSuffix(format.ending) { return String(path.dropLast(format.ending.count)) }
        return path
    }

    /// The contents of a file, decompressed if its name says so.
    ///
    /// - Parameter limit: the most bytes of contents.
    package static func contents(of file: MappedFile, limit: Int = largest) throws(Failure) -> MappedFile {
        guard let format = formats.first(where: { file.path.hasSuffix($0.ending) }) else { return file }
        var result: UnsafeMutablePointer<UInt8>?
        var count = 0
        let decompress = format.name == "gzip" ? decompress_gzip : decompress_zstd
        switch decompress(file.bytes.baseAddress, file.bytes.count, limit, &result, &count) {
        case compression_done:
            file.forgetPages()
            return MappedFile(path: file.path, contents: UnsafeMutableBufferPointer(start: result, count: count))
        case compression_no_library: throw .noLibrary(library: format.library)
        case compression_truncated: throw .truncated(format: format.name)
        case compression_too_large: throw .tooLarge(bytes: limit)
        case compression_no_memory: throw .outOfMemory
        default: throw .damaged(format: format.name)
        }
    }
}
