package import FileFormats
import Glibc
package import System

/// A checkpoint on the disk, complete according to its headers; `verify` reads every byte.
package struct Checkpoint: Sendable {
    /// Its folder, with links resolved.
    package let path: String
    package let state: CheckpointState
    /// The weights, with PyTorch's names and gate order.
    package let model: SafetensorsFile
    /// The optimiser's state and the carried states of all streams.
    package let training: SafetensorsFile
    /// The other files that the task needs, by name.
    package let artifacts: [Artifact]

    /// The resolved configuration it was trained with, as YAML.
    package var configText: String { state.config }

    /// Opens a checkpoint's folder, or a link to one such as `runs/x/checkpoints/best`. The link is resolved first, so
    /// that all files belong to one checkpoint even if the link is moved meanwhile.
    /// - Throws: `RunFolderError`, `FileFormatError` or `SystemError`, naming the file that is missing or incomplete.
    package init(path: String) throws {
        let given = RunDirectory(path: path).path
        let folder = Self.followed(given)
        guard FolderCalls.isFolder(folder) else {
            throw RunFolderError.nothingThere(path: given, code: FolderCalls.fault(at: folder) ?? ENOTDIR)
        }
        let state = try CheckpointState(ofCheckpoint: folder)
        for name in Set(state.checksums.keys).union([RunNames.model, RunNames.training]).sorted() {
            try FolderCalls.requireOwnFile(name, ofCheckpoint: folder)
        }
        self.path = folder
        self.state = state
        model = try SafetensorsFile("\(folder)/\(RunNames.model)")
        training = try SafetensorsFile("\(folder)/\(RunNames.training)")
        artifacts = try RunNames.artifacts.filter { state.checksums[$0] != nil }.map { name in
            let path = "\(folder)/\(name)"
            return Artifact(name, try FolderCalls.text(of: path), place: path)
        }
    }

    /// Compares the checksum of every file, and of the configuration in state.json, with the recorded one.
    /// - Throws: `RunFolderError.otherChecksum` for the first one that differs, `badField` if a checksum is missing.
    package func verify() throws {
        if let damage = CheckpointVerification(ofCheckpoint: path).damages.first { throw damage }
    }

    /// Whether it is a checkpoint of that run folder.
    package func belongs(to run: RunDirectory) -> Bool {
        FolderCalls.isSame(path, run.checkpointPath(ofStep: state.step))
    }

    /// Resolves a link or a chain of links; any other path is returned unchanged.
    static func followed(_ path: String) -> String {
        var path = path
        for _ in 0..<8 {
            guard let target = FolderCalls.linkTarget(path) else { break }
            let slash = target.hasPrefix("/") ? nil : path.lastIndex(of: "/")
            path = (slash.map { String(path[...$0]) } ?? "") + target
        }
        return path
    }
}
