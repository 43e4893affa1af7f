import FileFormats
import Glibc
package import System

/// Atomic replacement of a file: write under a temporary name, sync, rename.
///
/// A concurrent reader sees the old contents; after a crash the file has either the old or the new contents.
package enum AtomicFile {
    /// Replaces the file's contents by `text`; returns once it is on the disk.
    package static func write(_ text: String, to path: String) throws {
        try write(to: path) { try $0.write(text) }
    }

    /// Replaces the file's contents by what `body` writes. If it throws, the file is unchanged.
    package static func write(to path: String, _ body: (OpenFile) throws -> Void) throws {
        try replace(path) { temporary in
            let file = try OpenFile.creating(temporary)
            try body(file)
            try file.sync()
        }
    }

    /// Makes `path` a symbolic link to `target`, replacing an existing link.
    package static func link(_ path: String, to target: String) throws {
        try replace(path) { temporary in
            guard symlink(target, temporary) == 0 else {
                throw SystemError.cannotWrite(path: path, code: errno)
            }
        }
    }

    private static func replace(_ path: String, _ make: (_ temporary: String) throws -> Void) throws {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? ""
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let temporary = folder + TemporaryName.of(name, .new)
        do {
            try make(temporary)
            try FolderCalls.move(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
        try FolderCalls.sync(folder.isEmpty ? "." : folder)
    }
}
