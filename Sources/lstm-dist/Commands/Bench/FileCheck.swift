import Foundation
import RunFolder
import System
import Training

/// Checks the files and folders that a command writes at its end.
enum FileCheck {
    /// - Throws: a `CommandError` for a file that can't be written, before the work is done.
    static func writable(_ path: String, option: String) throws {
        if let reason = OutputFile.problem(of: path) {
            throw CommandError.usage(
                "\(option) \(path): \(reason); accepted: a file in a writable folder")
        }
    }

    /// - Throws: a `CommandError` for a folder that exists, or whose parent doesn't.
    static func absent(_ path: String, option: String) throws {
        let isThere = (try? FileManager.default.attributesOfItem(atPath: path)) != nil
        if let reason = isThere ? "it already exists" : problem(ofFolderOf: path) {
            throw CommandError.usage("\(option) \(path): \(reason); accepted: a new folder in a writable one")
        }
    }

    /// Why nothing can be created at `path`; nil if it can.
    private static func problem(ofFolderOf path: String) -> String? {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard FileManager.default.fileExists(atPath: folder) else { return "there is no folder \(folder)" }
        return FileManager.default.isWritableFile(atPath: folder) ? nil : "its folder can't be written"
    }
}
