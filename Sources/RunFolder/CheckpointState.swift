package import FileFormats

/// What state.json holds: where training stood, and what proves that the checkpoint's files are whole.
package struct CheckpointState: Sendable, Equatable {
    /// The newest layout of a checkpoint that this program knows, and the one it writes.
    package static let currentFormat = 1
    /// The only algorithm so far.
    package static let sha256 = "sha256"

    /// The checkpoint's layout; every released one stays readable.
    package var formatVersion = CheckpointState.currentFormat
    /// The version of lstm-dist that wrote it.
    package var programVersion: String
    /// Optimiser steps done.
    package var step: Int
    /// The epoch the next step belongs to, counted from 1.
    package var epoch: Int
    /// Steps done within that epoch.
    package var position: Int
    package var seed: Int
    /// The resolved configuration as YAML, so that a checkpoint copied elsewhere says all about itself.
    package var config: String
    /// SHA-256 of `config`.
    package var configDigest: String
    /// What `checksums` were computed with.
    package var checksumAlgorithm = CheckpointState.sha256
    /// Of every other file of the checkpoint, by name; the writer fills them in.
    package var checksums: [String: String] = [:]
    /// An object that the trainer fills: schedule, patience, the task's state, fingerprints of the data, ranks, losses.
    package var extra: JSONValue

    package init(
        programVersion: String, step: Int, epoch: Int, position: Int, seed: Int, config: String,
        extra: JSONValue = .object([])
    ) {
        self.programVersion = programVersion
        self.step = step
        self.epoch = epoch
        self.position = position
        self.seed = seed
        self.config = config
        configDigest = Checksum.sha256(of: config)
        self.extra = extra
    }

    /// In a fixed order of keys, checksums by name: the same state is the same text.
    package var json: JSONValue {
        [
            "format_version": .integer(formatVersion), "program_version": .string(programVersion),
            "step": .integer(step), "epoch": .integer(epoch), "position": .integer(position), "seed": .integer(seed),
            "config_digest": .string(configDigest), "checksum_algorithm": .string(checksumAlgorithm),
            "checksums": .object(
                checksums.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }),
            "extra": extra, "config": .string(config),
        ]
    }

    /// Reads a checkpoint's state.json. Unknown keys are ignored; a newer format is refused.
    init(ofCheckpoint folder: String) throws {
        let path = "\(folder)/\(RunNames.state)"
        try FolderCalls.requireOwnFile(RunNames.state, ofCheckpoint: folder)
        let fields = try Fields(of: path)
        formatVersion = try fields.count("format_version")
        programVersion = try fields.string("program_version")
        guard formatVersion <= Self.currentFormat else {
            throw RunFolderError.newerFormat(
                checkpoint: folder, found: formatVersion, known: Self.currentFormat, program: programVersion)
        }
        step = try fields.count("step")
        epoch = try fields.count("epoch")
        position = try fields.count("position")
        seed = try fields.integer("seed")
        config = try fields.string("config")
        configDigest = try fields.string("config_digest")
        checksumAlgorithm = try fields.value("checksum_algorithm", "\"\(Self.sha256)\"") {
            $0.stringValue == Self.sha256 ? Self.sha256 : nil
        }
        checksums = try fields.value("checksums", "an object of file names and checksums", Self.checksums)
        // Never paths that lead out of the folder.
        for name in checksums.keys.sorted() where !RunNames.isPlain(name) {
            throw RunFolderError.strangeName(path: path, name: name)
        }
        extra = try fields.value("extra", "an object") { $0.members == nil ? nil : $0 }
    }

    private static func checksums(_ json: JSONValue) -> [String: String]? {
        guard let members = json.members else { return nil }
        var checksums: [String: String] = [:]
        for (name, checksum) in members {
            guard let text = checksum.stringValue else { return nil }
            checksums[name] = text
        }
        return checksums
    }
}
