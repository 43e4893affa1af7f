import Glibc
package import System

/// Files that the user names as outputs, such as `--json FILE`.
///
/// Symbolic links are followed. A regular file is replaced when its new contents are complete, and keeps its
/// permissions. Anything else (a device, a pipe, /dev/stdout, /dev/fd/3) is written to directly.
package enum OutputFile {
    /// - Throws: `SystemError` with `path`; a regular file is then unchanged.
    package static func write(_ text: String, to path: String) throws {
        try write(to: path) { try $0.write(text) }
    }

    /// Writes what `body` writes; throws like `write(_:to:)` of a text.
    package static func write(to path: String, _ body: (OpenFile) throws -> Void) throws {
        do {
            if let descriptor = standardStream(at: path) { return try body(.borrowing(descriptor, name: path)) }
            guard let target = replaceable(path) else { return try body(.existing(path)) }
            let mode = FolderCalls.permissions(of: target)
            try AtomicFile.write(to: target) { file in
                try body(file)
                if let mode { fchmod(file.descriptor, mode) }
            }
        } catch SystemError.cannotWrite(_, let code) {
            throw SystemError.cannotWrite(path: path, code: code)
        } catch SystemError.cannotReplace(_, let code) {
            throw SystemError.cannotWrite(path: path, code: code)
        }
    }

    /// Why `path` can't be written, as a clause; nil if no obstacle is visible in advance.
    package static func problem(of path: String) -> String? {
        if standardStream(at: path) != nil { return nil }
        if FolderCalls.isFolder(path) { return "it is a folder" }
        guard let target = replaceable(path) else {
            return access(path, W_OK) == 0 ? nil : "it can't be written"
        }
        let folder = folder(of: target)
        guard FolderCalls.isFolder(folder) else { return "there is no folder \(shownPath(folder))" }
        if isCheckpoint(folder) { return "it is inside a checkpoint, which it would damage" }
        return access(folder, W_OK) == 0 ? nil : "its folder can't be written"
    }

    /// 1 or 2 if `path` leads to the same file as standard output or standard error.
    private static func standardStream(at path: String) -> Int32? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return nil }
        return [STDOUT_FILENO, STDERR_FILENO].first { descriptor in
            var stream = stat()
            return fstat(descriptor, &stream) == 0 && stream.st_dev == status.st_dev && stream.st_ino == status.st_ino
        }
    }

    /// The path, with links resolved, of an existing regular file or of one that can be made; nil for anything else.
    private static func replaceable(_ path: String) -> String? {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG { return nil }
        var target = path
        for _ in 0..<40 {
            // A link under /proc leads to an open file, which may no longer have a name.
            if FolderCalls.isSame(folder(of: target), "/proc/self/fd") || target.hasPrefix("/proc/") { return nil }
            guard let link = FolderCalls.linkTarget(target) else { return target }
            target = link.hasPrefix("/") ? link : folder(of: target) + "/" + link
        }
        return nil
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func isCheckpoint(_ folder: String) -> Bool {
        FolderCalls.isFile("\(folder)/\(RunNames.state)") && FolderCalls.isFile("\(folder)/\(RunNames.model)")
    }
}
