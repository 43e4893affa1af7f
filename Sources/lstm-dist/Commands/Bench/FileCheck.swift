import Foundation
import RunFolder
import System
import Training

/// Files and folders that a command writes at its end.
enum FileCheck {
    /// - Throws: a `CommandError` for a file that can't be written, before the work rather than after it.
    static func writable(_ path: String, option: String) throws {
        if let reason = OutputFile.problem(of: path) {
            throw CommandError.usage(
                "\(option) \(path): \(reason); accepted: a file in a folder that can be written")
        }
    }

    /// - Throws: a `CommandError` for a folder that exists, or whose parent doesn't.
    static func absent(_ path: String, option: String) throws {
        let isThere = (try? FileManager.default.attributesOfItem(atPath: path)) != nil
        if let reason = isThere ? "it is there already" : problem(ofFolderOf: path) {
            throw CommandError.usage("\(option) \(path): \(reason); accepted: a new folder in one that can be written")
        }
    }

    /// Why nothing can be created there; nil if it can.
    private static func problem(ofFolderOf path: String) -> String? {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard FileManager.default.fileExists(atPath: folder) else { return "there is no folder \(folder)" }
        return FileManager.default.isWritableFile(atPath: folder) ? nil : "its folder can't be written"
    }
}
