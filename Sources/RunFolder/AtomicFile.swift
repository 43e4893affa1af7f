import FileFormats
import Glibc
package import System

/// Files that are there whole or not at all: written beside under a passing name, synced, renamed.
///
/// Whoever reads the path meanwhile sees the old contents; after a crash there are the old ones or the new ones.
package enum AtomicFile {
    /// Replaces the file's contents by the text and returns once that is on the disk.
    package static func write(_ text: String, to path: String) throws {
        try write(to: path) { try $0.write(text) }
    }

    /// Replaces the file's contents by what `body` writes; if it throws, the file stays as it was.
    package static func write(to path: String, _ body: (OpenFile) throws -> Void) throws {
        try replace(path) { passing in
            let file = try OpenFile.creating(passing)
            try body(file)
            try file.sync()
        }
    }

    /// Makes `path` a symbolic link to `target`, whatever it linked to before.
    package static func link(_ path: String, to target: String) throws {
        try replace(path) { passing in
            guard symlink(target, passing) == 0 else {
                throw SystemError.cannotWrite(path: path, code: errno)
            }
        }
    }

    private static func replace(_ path: String, _ make: (_ passing: String) throws -> Void) throws {
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? ""
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let passing = folder + PassingName.of(name, .new)
        do {
            try make(passing)
            try FolderCalls.move(passing, to: path)
        } catch {
            unlink(passing)
            throw error
        }
        try FolderCalls.sync(folder.isEmpty ? "." : folder)
    }
}
