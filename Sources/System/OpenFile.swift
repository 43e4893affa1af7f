import Glibc

/// An open file, closed when the last reference to it goes: the few system calls that the formats need, each
/// repeated until it is done and turned into an error that names the file.
///
/// The position in the file is the kernel's, so that one thread at a time may append; reads are by offset.
package final class OpenFile: Sendable {
    /// As the user gave it: for messages.
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

    /// A regular file opened for reading. Folders, pipes and devices are refused, without waiting for a writer.
    package static func reading(_ path: String) throws -> OpenFile {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SystemError.cannotRead(path: path, code: errno) }
        let file = OpenFile(path: path, descriptor: descriptor, isOwned: true)
        guard try file.status().st_mode & S_IFMT == S_IFREG else { throw SystemError.notRegular(path: path) }
        return file
    }

    /// A file opened for writing from its start, made if it isn't there, emptied if it is.
    package static func writing(_ path: String) throws -> OpenFile {
        try opened(path, O_WRONLY | O_CREAT | O_TRUNC)
    }

    /// A new file opened for writing: nothing may have its name, not even a link, which would be followed otherwise.
    package static func creating(_ path: String) throws -> OpenFile {
        try opened(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
    }

    /// A file opened so that every write goes to its end, made if it isn't there. A link is not followed.
    package static func appending(_ path: String) throws -> OpenFile {
        try opened(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW)
    }

    /// A device, a pipe or an open file under /proc opened for writing: never created nor emptied, links are followed.
    package static func existing(_ path: String) throws -> OpenFile { try opened(path, O_WRONLY | O_APPEND) }

    private static func opened(_ path: String, _ flags: Int32) throws -> OpenFile {
        let descriptor = open(path, flags | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw SystemError.cannotWrite(path: path, code: errno) }
        return OpenFile(path: path, descriptor: descriptor, isOwned: true)
    }

    /// A descriptor that someone else opened and will close; `name` stands for it in messages.
    package static func borrowing(_ descriptor: Int32, name: String) -> OpenFile {
        OpenFile(path: name, descriptor: descriptor, isOwned: false)
    }

    /// Bytes in the file at this moment.
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

    /// Fills `buffer` from `offset` on and returns how many bytes there were: fewer than asked for only at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, offset + done)
            if count == 0 { break }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                throw SystemError.cannotRead(path: path, code: errno)
            }
        }
        return done
    }

    /// The `count` bytes from `offset` on, or as many as there are.
    package func bytes(at offset: Int = 0, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }

    /// The bytes of a text from `offset` on: `count` of them (nil: all), or as many as there are, or as many as there are up to
    /// a zero byte and a little beyond. No text has one, so whoever parses it refuses it there; and a file of holes, which
    /// read as zeros, takes no more memory than it takes room on the disk.
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

    /// Writes all the bytes, at once: nothing is held back in this process.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
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

    /// Returns once the bytes are on the disk. What has no disk (a pipe, a terminal) has nothing to wait for.
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
