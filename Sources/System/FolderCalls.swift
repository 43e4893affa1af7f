import Glibc

/// The kind of an entry; a link at the end of the path is not followed.
package enum EntryKind { case file, folder, link, other }

/// System calls on folders and their entries; errors name the path.
package enum FolderCalls {
    /// nil if there is nothing, or it is not accessible.
    package static func kind(_ path: String) -> EntryKind? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        case S_IFLNK: return .link
        default: return .other
        }
    }

    /// Whether the `errno` of a call that makes a link means that the file system has none.
    package static func meansNoLinks(_ code: Int32) -> Bool { [EPERM, EOPNOTSUPP, ENOSYS].contains(code) }

    /// A folder, or a link to one.
    package static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// A regular file, or a link to one.
    package static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Whether two paths lead to the same file or folder.
    package static func isSame(_ path: String, _ other: String) -> Bool {
        var statuses = (stat(), stat())
        return stat(path, &statuses.0) == 0 && stat(other, &statuses.1) == 0
            && statuses.0.st_dev == statuses.1.st_dev && statuses.0.st_ino == statuses.1.st_ino
    }

    /// Why a path is not accessible, as the system's `errno`; nil if it is.
    package static func fault(at path: String) -> Int32? {
        var status = stat()
        return stat(path, &status) == 0 ? nil : errno
    }

    /// The permission bits of a file, links followed; nil if there is none.
    package static func permissions(of path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
    }

    /// The target of a link as stored; nil for anything but a link.
    package static func linkTarget(_ path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { chars in
                chars.baseAddress.map { readlink(path, $0, chars.count) } ?? -1
            }
        }
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    /// Makes the folder and its ancestors, unless they exist. With `lasting` their entries are synced, if the system
    /// allows it.
    package static func make(_ folder: String, lasting: Bool = false) throws {
        let slash = folder.lastIndex(of: "/").flatMap { $0 == folder.startIndex ? nil : $0 }
        var code = mkdir(folder, 0o777) == 0 ? 0 : errno
        if code == ENOENT, let slash {
            try make(String(folder[..<slash]), lasting: lasting)
            code = mkdir(folder, 0o777) == 0 ? 0 : errno
        }
        guard code == 0 || isFolder(folder) else { throw SystemError.cannotMake(folder: folder, code: code) }
        if lasting, code == 0 { try? sync(slash.map { String(folder[..<$0]) } ?? (folder.hasPrefix("/") ? "/" : ".")) }
    }

    /// Makes a folder, which must not exist, in an existing folder.
    package static func makeNew(_ folder: String) throws {
        guard mkdir(folder, 0o777) == 0 else { throw SystemError.cannotMake(folder: folder, code: errno) }
    }

    /// Makes the folder unless it exists, in an existing folder.
    package static func makeOne(_ folder: String) throws {
        let code = mkdir(folder, 0o777) == 0 ? 0 : errno
        guard code == 0 || isFolder(folder) else { throw SystemError.cannotMake(folder: folder, code: code) }
    }

    /// The names of the folder's entries, sorted, without `.` and `..`; none if there is no such folder.
    package static func entries(of folder: String) throws -> [String] {
        guard let stream = opendir(folder) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw SystemError.cannotList(folder: folder, code: errno)
        }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                // d_name is an array of characters that ends with a zero.
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw SystemError.cannotList(folder: folder, code: errno) }
        return names.sorted()
    }

    /// Syncs the folder's entries to the disk.
    package static func sync(_ folder: String) throws {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError.cannotSync(folder: folder, code: errno) }
        defer { close(descriptor) }
        while fsync(descriptor) != 0 {
            switch errno {
            case EINTR: continue
            case EINVAL, EROFS: return  // The file system can't sync folders.
            default: throw SystemError.cannotSync(folder: folder, code: errno)
            }
        }
    }

    /// Renames an entry; replaces an existing file or link atomically.
    package static func move(_ path: String, to newPath: String) throws {
        guard rename(path, newPath) == 0 else { throw SystemError.cannotReplace(path: newPath, code: errno) }
    }

    /// Removes a file, or a link itself. Anything else of that name is left.
    package static func removeFile(_ path: String) throws {
        switch kind(path) {
        case .file, .link:
            guard unlink(path) == 0 || errno == ENOENT else {
                throw SystemError.cannotReplace(path: path, code: errno)
            }
        default: return
        }
    }

    /// Removes a folder if it is empty.
    package static func removeIfEmpty(_ folder: String) throws {
        guard rmdir(folder) == 0 || [ENOTEMPTY, EEXIST, ENOENT, ENOTDIR].contains(errno) else {
            throw SystemError.cannotReplace(path: folder, code: errno)
        }
    }

    /// The contents of a text file.
    package static func text(of path: String) throws -> String {
        let bytes = try OpenFile.reading(path).text()
        guard let text = String(validating: bytes, as: UTF8.self) else { throw SystemError.notText(path: path) }
        return text
    }
}
