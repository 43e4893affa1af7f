import Foundation
import Training

/// Files and folders that a long measurement will write at its end.
enum FileCheck {
    /// - Throws: a `TrainingError` for a file that could not be written, said before the work rather than after it.
    static func writable(_ path: String, option: String) throws {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let reason: String?
        if exists && isFolder.boolValue {
            reason = "it is a folder"
        } else if !FileManager.default.fileExists(atPath: folder) {
            reason = "there is no folder \(folder)"
        } else {
            reason = FileManager.default.isWritableFile(atPath: folder) ? nil : "its folder can't be written"
        }
        if let reason {
            throw TrainingError.usage("\(option) \(path): \(reason); accepted: a file in a folder that can be written")
        }
    }

    /// - Throws: a `TrainingError` for a folder that is there already, or whose own folder isn't.
    static func absent(_ path: String, option: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let reason: String?
        if (try? FileManager.default.attributesOfItem(atPath: path)) != nil {
            reason = "it is there already"
        } else if !FileManager.default.fileExists(atPath: folder) {
            reason = "there is no folder \(folder)"
        } else {
            reason = FileManager.default.isWritableFile(atPath: folder) ? nil : "its folder can't be written"
        }
        if let reason {
            throw TrainingError.usage("\(option) \(path): \(reason); accepted: a new folder in one that can be written")
        }
    }
}
