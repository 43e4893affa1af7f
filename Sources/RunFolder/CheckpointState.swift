package import FileFormats
import System

/// The contents of state.json: the position of the training, and the checksums of the checkpoint's files.
package struct CheckpointState: Sendable, Equatable {
    /// The newest checkpoint format that this program reads, and the one it writes.
    ///
    /// 1: without a digest of state.json itself. 2: state.json ends with one.
    package static let currentFormat = 2
    private static let firstFormatWithDigest = 2
    /// The only algorithm so far.
    package static let sha256 = "sha256"

    /// The checkpoint's format; every released one stays readable.
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
    /// The resolved configuration as YAML, so that a copied checkpoint is self-contained.
    package var config: String
    /// SHA-256 of `config`.
    package var configDigest: String
    /// The algorithm of `checksums`.
    package var checksumAlgorithm = CheckpointState.sha256
    /// The checksums of all other files of the checkpoint, by name; filled in by the writer.
    package var checksums: [String: String] = [:]
    /// An object filled by the trainer: schedule, patience, the task's state, fingerprints of the data, ranks, losses.
    package var extra: JSONValue

    /// The step of the best checkpoint so far, which the trainer stores in `extra`.
    package var bestStep: Int? { extra["best_step"]?.integerValue }

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

    /// Keys are in a fixed order, checksums sorted by name: equal states have equal texts.
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

    /// The text of state.json: `json`, followed by the digest of the text so far.
    package var text: String {
        let beginning = String(json.indentedText.dropLast("\n}\n".count))
        return beginning + Self.ending(digest: Checksum.sha256(of: beginning))
    }

    private static let digestKey = "state_digest"

    private static func ending(digest: String) -> String { ",\n  \"\(digestKey)\": \"\(digest)\"\n}\n" }

    /// Reads a checkpoint's state.json. Unknown keys are ignored; a newer format is refused.
    init(ofCheckpoint folder: String) throws {
        let path = "\(folder)/\(RunNames.state)"
        try FolderCalls.requireOwnFile(RunNames.state, ofCheckpoint: folder)
        let bytes = try OpenFile.reading(path).text()
        let fields = try Fields(parsing: bytes, from: path)
        formatVersion = try fields.value("format_version", "a whole number, 1 or more") { json in
            json.integerValue.flatMap { $0 >= 1 ? $0 : nil }
        }
        programVersion = try fields.string("program_version")
        // Before any other field is used: every format from this one on ends with a digest.
        if formatVersion >= Self.firstFormatWithDigest { try Self.checkDigest(bytes, fields, folder) }
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
        // A path must not lead out of the folder.
        for name in checksums.keys.sorted() where !RunNames.isPlain(name) {
            throw RunFolderError.strangeName(path: path, name: name)
        }
        extra = try fields.value("extra", "an object") { $0.members == nil ? nil : $0 }
    }

    /// Every byte counts, white space too: the digest is the last member, and covers all bytes before it.
    private static func checkDigest(_ bytes: [UInt8], _ fields: Fields, _ folder: String) throws {
        let written = try fields.string(digestKey)
        let ending = Array(ending(digest: written).utf8)
        let found = Checksum.sha256(of: Array(bytes.dropLast(ending.count)))
        guard found == written, bytes.suffix(ending.count) == ending[...] else {
            throw RunFolderError.otherChecksum(
                checkpoint: folder, file: RunNames.state, found: found, expected: written)
        }
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
