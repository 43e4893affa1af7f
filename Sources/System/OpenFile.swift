import Glibc

/// An open file, closed with its last reference. System calls are repeated until they are complete; errors name the
/// file.
///
/// Writes use the kernel's file position, so only one thread at a time may append; reads are by offset.
package final class OpenFile: Sendable {
    /// As the user gave it, for messages.
    package let path: String
    package let descriptor: Int32
    private let isOwned: Bool

    private init(path: String, descriptor: Int32, isOwned: Bool) {
        self.path = path
        self.descriptor = descriptor
        self.isOwned = isOwned
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    /// A regular file opened for reading. Folders, pipes and devices are rejected, without waiting for a writer.
    package static func reading(_ path: String) throws -> OpenFile {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SystemError.cannotRead(path: path, code: errno) }
        let file = OpenFile(path: path, descriptor: descriptor, isOwned: true)
        guard try file.status().st_mode & S_IFMT == S_IFREG else { throw SystemError.notRegular(path: path) }
        return file
    }

    /// A file opened for writing from its start: created, or truncated if it exists.
    package static func writing(_ path: String) throws -> OpenFile {
        try opened(path, O_WRONLY | O_CREAT | O_TRUNC)
    }

    /// A new file opened for writing. Nothing may exist under its name, not even a link.
    package static func creating(_ path: String) throws -> OpenFile {
        try opened(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
    }

    /// A file opened for appending, created if it doesn't exist. A link is not followed.
    package static func appending(_ path: String) throws -> OpenFile {
        try opened(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW)
    }

    /// A device, a pipe or an open file under /proc, opened for writing: never created or truncated; links are
    /// followed.
    package static func existing(_ path: String) throws -> OpenFile { try opened(path, O_WRONLY | O_APPEND) }

    private static func opened(_ path: String, _ flags: Int32) throws -> OpenFile {
        let descriptor = open(path, flags | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw SystemError.cannotWrite(path: path, code: errno) }
        return OpenFile(path: path, descriptor: descriptor, isOwned: true)
    }

    /// A descriptor that the caller has opened and will close; `name` is its name in messages.
    package static func borrowing(_ descriptor: Int32, name: String) -> OpenFile {
        OpenFile(path: name, descriptor: descriptor, isOwned: false)
    }

    /// The current size of the file in bytes.
    package func size() throws -> Int { Int(try status().st_size) }

    package var isRegular: Bool {
        guard let status = try? status() else { return false }
        return status.st_mode & S_IFMT == S_IFREG
    }

    private func status() throws -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError.cannotRead(path: path, code: errno) }
        return status
    }

    /// Fills `buffer` from `offset` on and returns the number of bytes read, which is smaller than the buffer only at
    /// the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        var done = 0
        while done < buffer.count {
            let remaining = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, remaining.baseAddress, remaining.count, offset + done)
            if count == 0 { break }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                throw SystemError.cannotRead(path: path, code: errno)
            }
        }
        return done
    }

    /// `count` bytes from `offset` on; fewer at the end of the file.
    package func bytes(at offset: Int = 0, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }

    /// The bytes of a text from `offset` on: `count` of them (nil: all), fewer at the end of the file, and little more
    /// than up to the first zero byte. No valid text has a zero byte, so its parser rejects it there; and a sparse
    /// file, whose holes read as zeros, takes no more memory than disk space.
    package func text(at offset: Int = 0, count: Int? = nil) throws -> [UInt8] {
        let piece = 1 << 20
        let count = try count ?? size()
        var text = try bytes(at: offset, count: min(count, piece))
        var isAtEnd = text.count < piece || text.contains(0)
        while !isAtEnd, text.count < count {
            let next = try bytes(at: offset + text.count, count: min(count - text.count, piece))
            text += next
            isAtEnd = next.count < piece || next.contains(0)
        }
        return text
    }

    /// Writes all bytes; nothing is buffered in this process.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let remaining = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = Glibc.write(descriptor, remaining.baseAddress, remaining.count)
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw SystemError.cannotWrite(path: path, code: errno)
            }
        }
    }

    /// Writes the text as UTF-8.
    package func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    /// Returns once the bytes are on the disk. Does nothing for a pipe or a terminal.
    package func sync() throws {
        while fsync(descriptor) != 0 {
            switch errno {
            case EINTR: continue
            case EINVAL, EROFS: return
            default: throw SystemError.cannotWrite(path: path, code: errno)
            }
        }
    }

    /// Shortens the file to `size` bytes.
    package func truncate(to size: Int) throws {
        while ftruncate(descriptor, size) != 0 {
            if errno != EINTR { throw SystemError.cannotWrite(path: path, code: errno) }
        }
    }
}
