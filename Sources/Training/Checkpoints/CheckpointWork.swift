import Glibc
import RunFolder
import System

/// What is done with the files of a run at a checkpoint, from the metrics to outcome.json: all of it on the writer's thread.
struct CheckpointWork: Sendable {
    let run: RunDirectory
    /// nil where nobody else can want the folder.
    let lock: RunLock?
    let metrics: MetricsFile
    /// checkpoint.keep
    let kept: Int

    /// A state that is to become a checkpoint.
    struct Save: Sendable {
        let copy: TrainingSnapshot
        let state: CheckpointState
        /// The text of vocabulary.json; nil for a task without one.
        let vocabulary: String?
        /// Whether `best` is to lead to it.
        let isBest: Bool
        /// What outcome.json says from then on.
        let outcome: Outcome
    }

    /// How it went.
    struct Result: Sendable {
        /// How many of the states are whole checkpoints now, the first ones.
        var written = 0
        /// Why the next one isn't: a whole sentence.
        var failure: String?
        /// The next one is whole nevertheless, but no link leads to it.
        var lacksOnlyLinks = false
        /// Why links to whole checkpoints were left out: a whole sentence.
        var missingLinks: String?
        /// What else went wrong, in whole sentences; no checkpoint suffers from it.
        var troubles: [String] = []
        var outcomeTrouble: String?
        var seconds = 0.0
        /// Seconds of a core that this took: what the training loses to it where the two share one.
        var coreSeconds = 0.0

        /// Goes on without a link that the file system can't have: state.json has the best step.
        fileprivate mutating func bear(_ error: RunFolderError) throws {
            guard case .noLinks = error else { throw error }
            missingLinks = missingLinks ?? "\(error)"
        }
    }

    /// Writes the states, in this order, each to the disk with all lines of metrics.jsonl before it becomes `latest`. The first
    /// that fails ends it.
    func carryOut(_ saves: [Save]) -> Result {
        var result = Result()
        let (start, coreStart) = (secondsNow(), coreSeconds())
        let writer = CheckpointWriter(run: run, lock: lock)
        do {
            for save in saves {
                try lock?.check()
                try metrics.sync()
                let contents = CheckpointContents(
                    model: save.copy.model, training: save.copy.training, vocabulary: save.vocabulary, state: save.state
                )
                do { try writer.write(contents) } catch let error as RunFolderError { try result.bear(error) }
                if save.isBest {
                    do { try writer.pointBest(to: save.state.step) } catch let error as RunFolderError {
                        try result.bear(error)
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
                result.troubles.append("\(error) Checkpoints beyond checkpoint.keep \(kept) stay until the next one.")
            }
            do {
                try lock?.check()
                try run.write(outcome: saves[result.written - 1].outcome)
            } catch {
                result.outcomeTrouble = "\(error)"
            }
        }
        (result.seconds, result.coreSeconds) = (secondsNow() - start, coreSeconds() - coreStart)
        return result
    }

    /// Of the calling thread.
    private func coreSeconds() -> Double { seconds(on: CLOCK_THREAD_CPUTIME_ID) }
}
