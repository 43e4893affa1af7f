package import FileFormats
import Glibc
package import System

/// A checkpoint on the disk, whole as far as its headers tell; `verify` reads every byte.
package struct Checkpoint: Sendable {
    /// Its folder: where the link led, if the path was one.
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

    /// Opens a checkpoint's folder, or a link to one such as `runs/x/checkpoints/best`. The link is followed first, so
    /// that all files are of one checkpoint even if it moves on meanwhile.
    /// - Throws: `RunFolderError` or `FileFormatError`, naming the file that is missing or not whole.
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
            let place = "\(folder)/\(name)"
            return Artifact(name, try FolderCalls.text(of: place), place: place)
        }
    }

    /// Compares the checksum of every file with the one written down, and of the configuration in state.json.
    /// - Throws: `RunFolderError.otherChecksum` for the first one that differs, `badField` if a checksum is missing.
    package func verify() throws {
        if let damage = CheckpointVerification(ofCheckpoint: path).damages.first { throw damage }
    }

    /// Whether it is one of that run folder's own.
    package func belongs(to run: RunDirectory) -> Bool {
        FolderCalls.isSame(path, run.checkpointPath(ofStep: state.step))
    }

    /// Where a link, or a chain of them, leads; any other path as it is.
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
