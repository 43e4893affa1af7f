package import ConfigFile
package import FileFormats
import Glibc
package import RunFolder
import Sequences
import System

/// What may change when a run goes on, and what would make it another run.
package enum ResumeRules {
    /// The allowed changes from the checkpoint's configuration, as lines for the log (`ConfigKey.onResume`).
    ///
    /// - Throws: a `CommandError` that names each change that isn't allowed, with the old and the new value.
    package static func check(_ configuration: Configuration, against checkpoint: Checkpoint) throws -> [String] {
        let old = try Configuration(
            yaml: checkpoint.configText, file: "\(checkpoint.path)/state.json", table: ConfigurationTable.all)
        let changes = configuration.differences(from: old)
        let table = ConfigurationTable.all
        let refused = changes.filter { table.onResume($0.path) == .fixed }
        guard refused.isEmpty else {
            let list = refused.map { "\($0.path) was \($0.old) and is now \($0.new)" }.joined(separator: "; ")
            throw CommandError.usage(
                "\(checkpoint.path): this run can't go on with another configuration: \(list); accepted: the values it "
                    + "was started with, another --run, or --overwrite to start anew")
        }
        return changes.filter { table.onResume($0.path) == .mayChange }.map {
            "\($0.path) was \($0.old) and is now \($0.new)"
        }
    }

    /// - Throws: a `CommandError` when the training data has another size or checksum than it had.
    package static func check(_ fingerprints: JSONValue, against checkpoint: Checkpoint) throws {
        let then = checkpoint.state.extra["data"]?["train"]
        guard let then, let now = fingerprints["train"], then != now else { return }
        let (old, new) = DataFingerprints.descriptions(of: then, now)
        throw CommandError.usage(
            "\(checkpoint.path): data.train is not the text it was: \(old) then, \(new) now; "
                + "accepted: the text it was started with, another --run, or --overwrite to start anew")
    }

    /// - Parameter initialWeights: the file of `--init-from`, from whose weights the run must have begun.
    /// - Throws: a `CommandError` when it began with others, or has not kept with which.
    package static func check(initialWeights: String, of run: RunDirectory, against checkpoint: Checkpoint) throws {
        let began = checkpoint.state.extra[CheckpointTransfer.initialWeights]?.stringValue
        if let began, try Checksum.sha256(ofFile: initialWeights) == began { return }
        throw CommandError.usage(
            "--init-from \(initialWeights): \(run.path) has a checkpoint to go on from, and did not begin with these weights; "
                + "accepted: the file that it began with, --overwrite, or another --run")
    }
}
