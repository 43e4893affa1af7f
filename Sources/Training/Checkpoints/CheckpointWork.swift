import Glibc
import RunFolder
import System

/// Writes a run's files at a checkpoint, from the metrics to outcome.json, on the writer's thread.
struct CheckpointWork: Sendable {
    let run: RunDirectory
    /// nil if no other job can use the folder.
    let lock: RunLock?
    let metrics: MetricsFile
    /// The value of `checkpoint.keep`.
    let kept: Int

    /// A state to be saved as a checkpoint.
    struct Save: Sendable {
        let copy: TrainingSnapshot
        let state: CheckpointState
        /// The task's artifacts.
        let artifacts: [Artifact]
        /// Whether the link `best` is set to it.
        let isBest: Bool
        /// The new contents of outcome.json.
        let outcome: Outcome
    }

    /// The result of the saves.
    struct Result: Sendable {
        /// The number of states, from the first on, that are complete checkpoints now.
        var written = 0
        /// The reason why the next one is not, as a sentence.
        var failure: String?
        /// The next one is complete as well, but no link points to it.
        var lacksOnlyLinks = false
        /// The reason why links to complete checkpoints were left out, as a sentence.
        var missingLinks: String?
        /// Other failures, as sentences; they do not affect the checkpoints.
        var troubles: [String] = []
        var outcomeTrouble: String?
        var seconds = 0.0
        /// CPU seconds of the writer's thread: the time that training loses if the two share a core.
        var coreSeconds = 0.0

        /// Ignores a link that the file system can't have: state.json has the best step.
        fileprivate mutating func ignoreMissingLink(_ error: RunFolderError) throws {
            guard case .noLinks = error else { throw error }
            missingLinks = missingLinks ?? "\(error)"
        }
    }

    /// Writes the states in this order, each to disk with all lines of metrics.jsonl before it becomes `latest`. Stops
    /// at the first failure.
    func carryOut(_ saves: [Save]) -> Result {
        var result = Result()
        let (start, coreStart) = (secondsNow(), coreSeconds())
        let writer = CheckpointWriter(run: run, lock: lock)
        do {
            for save in saves {
                try lock?.check()
                try metrics.sync()
                let contents = CheckpointContents(
                    model: save.copy.model, training: save.copy.training, artifacts: save.artifacts, state: save.state
                )
                do { try writer.write(contents) } catch let error as RunFolderError {
                    try result.ignoreMissingLink(error)
                }
                if save.isBest {
                    do { try writer.pointBest(to: save.state.step) } catch let error as RunFolderError {
                        try result.ignoreMissingLink(error)
                    }
                }
                result.written += 1
            }
        } catch {
            result.failure = "\(error)"
            let path = run.checkpointPath(ofStep: saves[result.written].state.step)
            result.lacksOnlyLinks = (try? Checkpoint(path: path).verify()) != nil
        }
        if result.written > 0, lock?.loss == nil {
            do { try writer.keep(kept) } catch {
                result.troubles.append(
                    "\(error) Checkpoints beyond checkpoint.keep \(kept) are kept until the next one.")
            }
            do {
                try lock?.check()
                try run.write(outcome: saves[result.written - 1].outcome)
            } catch {
                result.outcomeTrouble = "\(error)"
            }
        }
        if result.failure != nil || result.outcomeTrouble != nil || !result.troubles.isEmpty {
            // If the folder was lost during the save, that is the reason, and it alone is reported (`RunLock.loss`).
            try? lock?.check()
        }
        (result.seconds, result.coreSeconds) = (secondsNow() - start, coreSeconds() - coreStart)
        return result
    }

    /// CPU seconds of the calling thread.
    private func coreSeconds() -> Double { seconds(on: CLOCK_THREAD_CPUTIME_ID) }
}
