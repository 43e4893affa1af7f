import FileFormats
import System

/// The result of reading every byte of a checkpoint, file by file.
package struct CheckpointVerification: Sendable {
    package struct File: Sendable {
        package let name: String
        /// The checksum of the present contents; nil if the file can't be read.
        package let checksum: String?
        /// `RunFolderError`, `FileFormatError` or `SystemError` if the file is not as it was written; nil if it is.
        package let damage: (any Error)?
    }

    /// Sorted by name, state.json last: it holds the checksums that the others are compared with.
    package let files: [File]

    package var damages: [any Error] { files.compactMap(\.damage) }

    /// Reads all files of the checkpoint in a folder; errors are part of the result.
    package init(ofCheckpoint folder: String) {
        let state: CheckpointState
        do {
            state = try CheckpointState(ofCheckpoint: folder)
        } catch {
            files = [Self.file(RunNames.state, in: folder) { _ in throw error }]
            return
        }
        let names = Set(state.checksums.keys).union([RunNames.model, RunNames.training])
        files =
            names.sorted().map { name in
                Self.file(name, in: folder) { try Self.check(name, $0, in: folder, state) }
            } + [
                Self.file(RunNames.state, in: folder) { _ in
                    try Self.compare(
                        Checksum.sha256(of: state.config), with: state.configDigest,
                        "the config in \(RunNames.state)", in: folder)
                }
            ]
    }

    private static func file(_ name: String, in folder: String, _ check: (_ checksum: String) throws -> Void) -> File {
        var checksum: String?
        do {
            let path = "\(folder)/\(name)"
            try FolderCalls.requireOwnFile(name, ofCheckpoint: folder)
            let found = try Checksum.sha256(ofFile: path)
            checksum = found
            try check(found)
            return File(name: name, checksum: found, damage: nil)
        } catch {
            return File(name: name, checksum: checksum, damage: error)
        }
    }

    private static func check(
        _ name: String, _ checksum: String, in folder: String, _ state: CheckpointState
    ) throws {
        guard let expected = state.checksums[name] else {
            throw RunFolderError.badField(
                path: "\(folder)/\(RunNames.state)", key: "checksums",
                found: JSONValue.array(state.checksums.keys.sorted().map { .string($0) }).text,
                expected: "a checksum of \(name)")
        }
        try compare(checksum, with: expected, name, in: folder)
        if [RunNames.model, RunNames.training].contains(name) { _ = try SafetensorsFile("\(folder)/\(name)") }
    }

    private static func compare(_ found: String, with expected: String, _ what: String, in folder: String) throws {
        guard found == expected else {
            throw RunFolderError.otherChecksum(checkpoint: folder, file: what, found: found, expected: expected)
        }
    }
}

extension RunDirectory {
    /// Verifies all checkpoints of the run folder that `argument` names, except the one in `folder`.
    ///
    /// - Returns: the folder and the damages of each checkpoint, in the order of steps; empty if `argument` names no
    ///   run folder. Checkpoints that a running training removes meanwhile are left out.
    package static func verifyCheckpoints(
        of argument: String, besides folder: String
    ) throws -> [(path: String, damages: [any Error])] {
        let run = RunDirectory(path: argument)
        guard FolderCalls.isFolder(run.checkpointsPath) else { return [] }
        return try run.stepFolders().compactMap { step in
            let path = run.checkpointPath(ofStep: step)
            guard path != folder else { return nil }
            let damages: [any Error]
            do {
                let folder = try run.folder(named: RunNames.folder(ofStep: step))
                damages = CheckpointVerification(ofCheckpoint: folder).damages
            } catch {
                damages = [error]
            }
            guard damages.isEmpty || FolderCalls.kind(path) != nil else { return nil }
            return (path, damages)
        }
    }
}
