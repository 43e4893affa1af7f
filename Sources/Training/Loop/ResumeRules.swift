package import ConfigFile
package import FileFormats
import Glibc
package import RunFolder
import Sequences
import System

/// What may change when a run is resumed.
package enum ResumeRules {
    /// The allowed changes relative to the checkpoint's configuration, as lines for the log (`ConfigKey.onResume`).
    ///
    /// - Throws: a `CommandError` that names each forbidden change with the old and the new value.
    package static func check(_ configuration: Configuration, against checkpoint: Checkpoint) throws -> [String] {
        let old = try Configuration(
            yaml: checkpoint.configText, file: "\(checkpoint.path)/state.json", table: ConfigurationTable.all)
        let changes = configuration.differences(from: old)
        let table = ConfigurationTable.all
        let refused = changes.filter { table.onResume($0.path) == .fixed }
        guard refused.isEmpty else {
            let list = refused.map { "\($0.path) was \($0.old) and is now \($0.new)" }.joined(separator: "; ")
            throw CommandError.usage(
                "\(checkpoint.path): this run cannot resume with another configuration: \(list); use the values it "
                    + "was started with, another --run, or --overwrite to start over")
        }
        return changes.filter { table.onResume($0.path) == .mayChange }.map {
            "\($0.path) was \($0.old) and is now \($0.new)"
        }
    }

    /// - Throws: a `CommandError` if the size or checksum of the training data has changed.
    package static func check(_ fingerprints: JSONValue, against checkpoint: Checkpoint) throws {
        let then = checkpoint.state.extra["data"]?["train"]
        guard let then, let now = fingerprints["train"], then != now else { return }
        let (old, new) = DataFingerprints.descriptions(of: then, now)
        throw CommandError.usage(
            "\(checkpoint.path): data.train has changed: \(old) then, \(new) now; "
                + "use the text it was started with, another --run, or --overwrite to start over")
    }

    /// - Parameter initialWeights: the file of `--init-from`, which the run must have started from.
    /// - Throws: a `CommandError` if it started from other weights, or has not recorded which.
    package static func check(initialWeights: String, of run: RunDirectory, against checkpoint: Checkpoint) throws {
        let began = checkpoint.state.extra[CheckpointTransfer.initialWeights]?.stringValue
        if let began, try Checksum.sha256(ofFile: initialWeights) == began { return }
        throw CommandError.usage(
            "--init-from \(initialWeights): \(run.path) has a checkpoint to resume from, and did not start from these weights; "
                + "use the file that it started from, --overwrite, or another --run")
    }
}
