import Glibc

/// A regular file mapped read-only; its pages belong to the page cache.
///
/// `@unchecked Sendable`: the mapping is never written and lives as long as the object.
package final class MappedFile: @unchecked Sendable {
    package let path: String
    /// Never empty; valid as long as the object lives.
    package let bytes: UnsafeBufferPointer<UInt8>

    /// Why a file can't be mapped.
    package enum Failure: Error {
        case missing
        /// What the path names instead of a file, such as "a directory".
        case notAFile(found: String)
        case empty
        /// `isSystemFault`: another file would fail in the same way.
        case unreadable(reason: String, isSystemFault: Bool)
    }

    package init(path: String) throws(Failure) {
        // The system would read the path up to a zero byte.
        guard !path.utf8.contains(0) else { throw .missing }
        // Without O_NONBLOCK the opening of a named pipe would wait for its writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.cannotOpen(errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.cannotOpen(errno) }
        if let found = Self.otherKind(status.st_mode) {
            throw .notAFile(found: found)
        }
        guard status.st_size > 0 else { throw .empty }
        let count = Int(status.st_size)
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw .unreadable(reason: systemText(errno), isSystemFault: true)
        }
        // Only advice, so its result doesn't matter.
        _ = madvise(start, count, MADV_SEQUENTIAL)
        self.path = path
        bytes = UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }

    /// Returns the pages that have been read to the system; a second read takes them from its cache.
    package func forgetPages() {
        madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count, MADV_DONTNEED)
    }

    /// The line of the byte at `offset`, counted from 1.
    package func line(at offset: Int) -> Int {
        bytes[..<offset].reduce(into: 1) { line, byte in line += byte == UInt8(ascii: "\n") ? 1 : 0 }
    }

    private static func cannotOpen(_ code: Int32) -> Failure {
        switch code {
        case ENOENT, ENOTDIR: .missing
        case ENXIO: .notAFile(found: "a socket or a device")
        default:
            .unreadable(
                reason: systemText(code), isSystemFault: [EMFILE, ENFILE, ENOMEM, EIO, EINTR].contains(code))
        }
    }

    private static func otherKind(_ mode: mode_t) -> String? {
        switch mode & S_IFMT {
        case S_IFREG: nil
        case S_IFDIR: "a directory"
        case S_IFIFO: "a named pipe"
        default: "a socket or a device"
        }
    }
}
