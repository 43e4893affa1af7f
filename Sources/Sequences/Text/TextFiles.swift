import FileFormats
import Glibc
import Synchronization
import System

/// The files of one split (training, validation or test text), mapped read-only, in order.
///
/// A mapped file of any size takes address space and page cache, but no anonymous memory; one whose name ends with `.gz` or
/// `.zst` is decompressed into memory. A file must not change while it is in use (`MappedFile`, `TextError.changed`).
package final class TextFiles: Sendable {
    let files: [MappedFile]
    /// The bytes of all files.
    package let byteCount: Int
    /// Whether every file has been checked to be text; files are checked only once.
    private let isText = Mutex(false)

    /// Opens the files of `patterns`: paths, and globs (`*`, `?`, `[…]`), whose files are sorted by the bytes of their
    /// names. An existing path is taken literally, even if it looks like a glob. A file that is given twice is read
    /// twice.
    ///
    /// Throws for a path or a glob without a file, a directory, and an empty or unreadable file. The error has the path
    /// and `place`, where the user gave it (such as `configs/a.yaml, line 3: data.train`).
    package init(patterns: [String], place: String) throws(TextError) {
        var files: [MappedFile] = []
        for pattern in patterns {
            for path in try Self.paths(matching: pattern, place: place) {
                files.append(try Self.open(path, place: place))
            }
        }
        guard !files.isEmpty else { throw .noFileNamed(place: place) }
        self.files = files
        byteCount = files.reduce(0) { $0 + $1.bytes.count }
    }

    private static func open(_ path: String, place: String) throws(TextError) -> MappedFile {
        let file: MappedFile
        do throws(MappedFile.Failure) { file = try MappedFile(path: path) } catch {
            throw TextError(error, path: path, place: place)
        }
        let contents: MappedFile
        do throws(CompressedFile.Failure) { contents = try CompressedFile.contents(of: file) } catch {
            throw .compressed(path: path, place: place, failure: error)
        }
        guard !contents.bytes.isEmpty else { throw .empty(path: path, place: place) }
        return contents
    }

    /// The paths of the files, in reading order.
    package var paths: [String] { files.map(\.path) }

    /// Throws unless every file is UTF-8 without zero bytes, and more than a byte order mark. All code that reads
    /// characters or words relies on this.
    func checkText(for tokenizer: TokenizerKind) throws(TextError) {
        try isText.withLock { (isText: inout Bool) throws(TextError) in
            guard !isText else { return }
            for file in files {
                switch firstTextFault(in: file.bytes) {
                case nil:
                    guard markLength(of: file.bytes) < file.bytes.count else { throw .onlyMark(path: file.path) }
                case .some where Self.isUTF16(file.bytes): throw .utf16(path: file.path)
                case .zeroByte(let offset):
                    throw .binary(path: file.path, offset: offset, tokenizer: tokenizer)
                case .malformed(let offset):
                    throw .invalidUTF8(
                        path: file.path, line: file.line(at: offset), offset: offset, byte: file.bytes[offset],
                        tokenizer: tokenizer)
                }
            }
            isText = true
        }
    }

    /// Whether the bytes begin with the byte order mark of UTF-16, which is not valid UTF-8.
    private static func isUTF16(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.count >= 2 && (bytes[0] == 0xFF && bytes[1] == 0xFE || bytes[0] == 0xFE && bytes[1] == 0xFF)
    }

    private static func paths(matching pattern: String, place: String) throws(TextError) -> [String] {
        let isGlob = pattern.utf8.contains { "*?[".utf8.contains($0) } && !pattern.utf8.contains(0)
        guard isGlob, access(pattern, F_OK) != 0 else { return [pattern] }
        var found = glob_t()
        defer { globfree(&found) }
        switch glob(pattern, 0, nil, &found) {
        case 0: break
        case GLOB_NOSPACE: throw .unreadable(path: pattern, place: place, reason: "out of memory", isSystemFault: true)
        default: throw .noMatch(pattern: pattern, place: place)
        }
        var paths: [String] = []
        for index in 0..<Int(found.gl_pathc) {
            guard let name = found.gl_pathv[index] else { continue }
            guard let path = String(validatingCString: name) else {
                let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name))
                throw .nameNotUTF8(escaped: escaped(bytes), place: place)
            }
            paths.append(path)
        }
        return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
