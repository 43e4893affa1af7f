import Glibc

/// A regular file mapped read-only; its pages belong to the page cache. A small file is read into memory instead,
/// because the system limits the number of mappings (vm.max_map_count, 65,530 by default).
///
/// A mapped file must not shrink: reading beyond its new end ends the process with exit code 2 and a message.
///
/// `@unchecked Sendable`: the mapping is never written and lives as long as the object.
package final class MappedFile: @unchecked Sendable {
    package let path: String
    /// Never empty; valid as long as the object lives.
    package let bytes: UnsafeBufferPointer<UInt8>
    /// nil for a small file.
    private let mapping: (entry: UnsafeMutablePointer<ShortenedFiles.Entry>, count: Int)?

    /// The size up to which a file is small: about the memory for a mapping's page tables and bookkeeping.
    private static let small = 4096
    private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))

    /// Why a file can't be mapped.
    package enum Failure: Error {
        case missing
        /// The path names something else, such as "a directory".
        case notAFile(found: String)
        case empty
        /// `isSystemFault`: another file would fail in the same way.
        case unreadable(reason: String, isSystemFault: Bool)
    }

    package init(path: String) throws(Failure) {
        // The system would read the path only up to a zero byte.
        guard !path.utf8.contains(0) else { throw .missing }
        // Without O_NONBLOCK, opening a named pipe would wait for its writer.
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
        self.path = path
        guard count > Self.small else {
            bytes = try Self.contents(of: descriptor, count: count)
            mapping = nil
            return
        }
        // A page of zeros follows the file: if text is overwritten while it is read, it may end within a character, and
        // the decoder then reads beyond the end.
        let length = (count + Self.pageSize - 1) / Self.pageSize * Self.pageSize + Self.pageSize
        guard let start = mmap(nil, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), start != MAP_FAILED else {
            throw .unreadable(reason: Self.reasonOfMapping(errno), isSystemFault: true)
        }
        guard mmap(start, count, PROT_READ, MAP_PRIVATE | MAP_FIXED, descriptor, 0) != MAP_FAILED else {
            let reason = Self.reasonOfMapping(errno)
            munmap(start, length)
            throw .unreadable(reason: reason, isSystemFault: true)
        }
        // Only a hint, so its result doesn't matter.
        _ = madvise(start, count, MADV_SEQUENTIAL)
        bytes = UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count)
        mapping = (ShortenedFiles.add(start, count: count, path: path), length)
    }

    /// A file's contents in another form, such as decompressed.
    ///
    /// - Parameter contents: allocated with malloc, with at least 3 zero bytes behind; freed with the object.
    package init(path: String, contents: UnsafeMutableBufferPointer<UInt8>) {
        self.path = path
        bytes = UnsafeBufferPointer(contents)
        mapping = nil
    }

    deinit {
        guard let mapping else { return bytes.deallocate() }
        ShortenedFiles.remove(mapping.entry)
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), mapping.count)
    }

    private static func contents(of descriptor: Int32, count: Int) throws(Failure) -> UnsafeBufferPointer<UInt8> {
        // Zero bytes behind the end, as for a mapping.
        let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: count + 3)
        memory.initialize(repeating: 0)
        var filled = 0
        while filled < count {
            let read = Glibc.read(descriptor, memory.baseAddress.map { $0 + filled }, count - filled)
            if read < 0, errno == EINTR { continue }
            if read == 0, filled > 0 { break }
            guard read > 0 else {
                let failure = read == 0 ? Failure.empty : cannotOpen(errno)
                memory.deallocate()
                throw failure
            }
            filled += read
        }
        return UnsafeBufferPointer(rebasing: memory[..<filled])
    }

    private static func reasonOfMapping(_ code: Int32) -> String {
        guard code == ENOMEM else { return systemText(code) }
        return systemText(code)
            + " (perhaps there are more files than vm.max_map_count allows mappings; use fewer "
            + "files, for example joined with cat, or a larger vm.max_map_count)"
    }

    /// Releases the pages that have been read; a second read takes them from the page cache.
    package func forgetPages() {
        guard mapping != nil else { return }
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
