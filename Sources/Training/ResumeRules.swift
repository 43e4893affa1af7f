package import ConfigFile
package import FileFormats
import Glibc
package import RunFolder
package import Sequences

/// What may change when a run goes on, and what would make it another run.
package enum ResumeRules {
    /// Keys, and beginnings of keys, that may change.
    private static let changeable = [
        "training.optimizer.learning_rate", "training.schedule.", "training.steps", "training.epochs",
        "training.accumulate", "training.clip_norm", "training.verify_every_steps", "validation.", "data.validation",
        "data.test", "data.source",
        "checkpoint.",
        "logging.", "communication.",
    ]
    /// Compared by size and checksum, not by path.
    private static let compared = ["data.train"]

    private static func mayChange(_ path: String) -> Bool {
        (changeable + compared).contains { path == $0 || ($0.hasSuffix(".") && path.hasPrefix($0)) }
    }

    /// The changes from the checkpoint's configuration that are let pass, as lines for the log.
    ///
    /// - Throws: a `TrainingError` that names each change that isn't, with the old and the new value.
    package static func check(_ configuration: Configuration, against checkpoint: Checkpoint) throws -> [String] {
        let old = try Configuration(
            yaml: checkpoint.configText, file: "\(checkpoint.path)/state.json", table: Options.table)
        let changes = configuration.differences(from: old)
        let refused = changes.filter { !mayChange($0.path) }
        guard refused.isEmpty else {
            let list = refused.map { "\($0.path) was \($0.old) and is now \($0.new)" }.joined(separator: "; ")
            throw TrainingError.usage(
                "\(checkpoint.path): this run can't go on with another configuration: \(list); accepted: the values it "
                    + "was started with, another --run, or --overwrite to start anew")
        }
        return changes.filter { !compared.contains($0.path) }.map { "\($0.path) was \($0.old) and is now \($0.new)" }
    }

    /// - Throws: a `TrainingError` when the training data has another size or checksum than it had.
    package static func check(_ fingerprints: JSONValue, against checkpoint: Checkpoint) throws {
        let then = checkpoint.state.extra["data"]?["train"]
        guard let then, let now = fingerprints["train"], then != now else { return }
        throw TrainingError.usage(
            "\(checkpoint.path): data.train is not the text it was: \(words(then)) then, \(words(now)) now; "
                + "accepted: the text it was started with, another --run, or --overwrite to start anew")
    }

    /// - Parameter initialWeights: the file of `--init-from`, from whose weights the run must have begun.
    /// - Throws: a `TrainingError` when it began with others, or has not kept with which.
    package static func check(initialWeights: String, of run: RunDirectory, against checkpoint: Checkpoint) throws {
        let began = checkpoint.state.extra[TrainingState.initialWeights]?.stringValue
        if let began, try Checksum.sha256(ofFile: initialWeights) == began { return }
        throw TrainingError.usage(
            "--init-from \(initialWeights): \(run.path) has a checkpoint to go on from, and did not begin with these weights; "
                + "accepted: the file that it began with, --overwrite, or another --run")
    }

    /// Each file's fingerprint in words.
    static func words(_ files: JSONValue) -> String {
        (files.arrayValue ?? []).map { file in
            "\(file["bytes"]?.integerValue ?? 0) bytes with SHA-256 \(file["sha256"]?.stringValue ?? "unknown")"
        }.joined(separator: ", ")
    }

    /// Size and checksum of each split's files: what a resumed run compares.
    package static func fingerprints(_ data: TaskData) throws -> JSONValue {
        .object(
            try data.files.map { split, paths in
                (
                    split,
                    .array(
                        try paths.map { path in
                            [
                                "bytes": .integer(size(ofFile: path)),
                                "sha256": .string(try Checksum.sha256(ofFile: path)),
                            ]
                        })
                )
            })
    }

    private static func size(ofFile path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}
