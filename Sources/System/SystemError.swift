import Glibc

/// A failed system call on a file or a folder. The description is a whole sentence for a user.
package enum SystemError: Error, Equatable, Sendable {
    /// A call that opens or reads failed with this `errno`.
    case cannotRead(path: String, code: Int32)
    /// A call that creates, writes or syncs failed with this `errno`.
    case cannotWrite(path: String, code: Int32)
    /// A folder, a pipe or a device where a regular file is needed.
    case notRegular(path: String)
    /// A text file that isn't UTF-8.
    case notText(path: String)
    /// A folder can't be created.
    case cannotMake(folder: String, code: Int32)
    /// A folder's entries can't be read.
    case cannotList(folder: String, code: Int32)
    /// A file, folder or link can't be moved, replaced or removed.
    case cannotReplace(path: String, code: Int32)
    /// A folder's entries can't be synced to the disk.
    case cannotSync(folder: String, code: Int32)
}

extension SystemError: ExitCoded {
    /// 2 if the user named the file, 1 for a fault of the system.
    package var exitCode: Int32 {
        switch self {
        case .cannotRead(_, let code): [EIO, EMFILE, ENFILE, ENOMEM].contains(code) ? 1 : 2
        case .notRegular, .notText: 2
        case .cannotWrite, .cannotMake, .cannotList, .cannotReplace, .cannotSync: 1
        }
    }
}

extension SystemError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotRead(let path, let code): "\(shownPath(path)) cannot be read: \(systemText(code))."
        case .cannotWrite(let path, let code): "\(shownPath(path)) cannot be written: \(systemText(code))."
        case .notRegular(let path): "\(shownPath(path)) is a folder, a pipe or a device; a file is needed here."
        case .notText(let path): "\(shownPath(path)) is not text in UTF-8."
        case .cannotMake(let folder, let code): "The folder \(shownPath(folder)) cannot be made: \(systemText(code))."
        case .cannotList(let folder, let code): "The folder \(shownPath(folder)) cannot be listed: \(systemText(code))."
        case .cannotReplace(let path, let code):
            "\(shownPath(path)) cannot be replaced or removed: \(systemText(code))."
        case .cannotSync(let folder, let code):
            "The entries of the folder \(shownPath(folder)) cannot be synced to the disk: \(systemText(code))."
        }
    }
}

/// The system's description of an `errno`.
package func systemText(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
}
