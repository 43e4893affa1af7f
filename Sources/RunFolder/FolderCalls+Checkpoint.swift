import Glibc
import System

extension FolderCalls {
    /// Throws unless a checkpoint's folder has that file. A link is refused: it could lead to any file of the user's.
    static func requireOwnFile(_ name: String, ofCheckpoint folder: String) throws {
        let path = "\(folder)/\(name)"
        switch kind(path) {
        case .file: return
        case .link:
            throw RunFolderError.strangeLink(
                path: path, target: linkTarget(path) ?? "", expected: "the checkpoint's file itself")
        default:
            var status = stat()
            if lstat(path, &status) != 0, errno != ENOENT, errno != ENOTDIR {
                throw SystemError.cannotRead(path: path, code: errno)
            }
            throw RunFolderError.missingFile(checkpoint: folder, file: name)
        }
    }
}
