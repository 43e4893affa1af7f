import Glibc

/// A file mapped read-only; its pages are in the page cache and not anonymous memory.
///
/// `@unchecked Sendable`: the mapping is never written and exists as long as the object.
final class MappedFile: @unchecked Sendable {
    let path: String
    /// Never empty; valid as long as the object exists.
    let bytes: UnsafeBufferPointer<UInt8>

    /// Throws if the path doesn't exist or isn't a regular file, or if the file is empty or unreadable.
    init(path: String, place: String) throws(TextError) {
        // A zero byte would end the path for the system.
        guard !path.utf8.contains(0) else { throw Self.missing(path, place) }
        // Without O_NONBLOCK, opening a named pipe would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.cannotOpen(path, place, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.cannotOpen(path, place, errno) }
        if let found = Self.otherKind(status.st_mode) {
            throw .notAFile(path: path, place: place, found: found)
        }
        guard status.st_size > 0 else { throw .empty(path: path, place: place) }
        let count = Int(status.st_size)
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw .unreadable(path: path, place: place, reason: Self.text(of: errno), isSystemFault: true)
        }
        // Only a hint, so errors are ignored.
        _ = madvise(start, count, MADV_SEQUENTIAL)
        self.path = path
        bytes = UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    /// Releases the pages that have been read; reading them again gets them from the page cache.
    func forgetPages() { madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_DONTNEED) }

    /// The line of the byte at `offset`, from 1.
    func line(at offset: Int) -> Int {
        bytes[..<offset].reduce(into: 1) { line, byte in line += byte == UInt8(ascii: "\n") ? 1 : 0 }
    }

    private static func cannotOpen(_ path: String, _ place: String, _ code: Int32) -> TextError {
        switch code {
        case ENOENT, ENOTDIR:
            missing(path, place)
        case ENXIO:
            .notAFile(path: path, place: place, found: "a socket or a device")
        default:
            .unreadable(
                path: path, place: place, reason: text(of: code),
                isSystemFault: [EMFILE, ENFILE, ENOMEM, EIO, EINTR].contains(code))
        }
    }

    private static func missing(_ path: String, _ place: String) -> TextError {
        .missing(path: path, place: place, workingDirectory: workingDirectory())
    }

    private static func otherKind(_ mode: mode_t) -> String? {
        switch mode & S_IFMT {
        case S_IFREG: nil
        case S_IFDIR: "a directory"
        case S_IFIFO: "a named pipe"
        default: "a socket or a device"
        }
    }

    private static func text(of code: Int32) -> String { String(cString: strerror(code)) }

    private static func workingDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "gone" }
        defer { free(path) }
        return String(cString: path)
    }
}
