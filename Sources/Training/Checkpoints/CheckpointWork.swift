import Glibc
import RunFolder
import System

/// Writes a run's files at a checkpoint, from the metrics to outcome.json, on the writer's thread.
struct CheckpointWork: Sendable {
    let run: RunDirectory
    let metrics: MetricsFile
    /// The value of `checkpoint.keep`.
    let kept: Int

    /// A state to be saved as a checkpoint.
    struct Save: Sendable {
        let copy: TrainingSnapshot
        let state: CheckpointState
        /// The text of vocabulary.json; nil for a task without one.
        let vocabulary: String?
        /// Whether the link `best` is set to it.
        let isBest: Bool
        /// The new contents of outcome.json.
        let outcome: Outcome
    }

    /// The result of the saves.
    struct Result: Sendable {
        /// The number of states that are whole checkpoints now, from the first on.
        var written = 0
        /// The reason why the next one is not, as a sentence.
        var failure: String?
        /// The next one is whole as well, but no link points to it.
        var lacksOnlyLinks = false
        /// Other failures, as sentences; they do not affect the checkpoints.
        var troubles: [String] = []
        var outcomeTrouble: String?
        var seconds = 0.0
        /// CPU seconds of the writer's thread: the time that training loses if the two share a core.
        var coreSeconds = 0.0
    }

    /// Writes the states in this order, each to disk with all lines of metrics.jsonl before it becomes `latest`. Stops
    /// at the first failure.
    func carryOut(_ saves: [Save]) -> Result {
        var result = Result()
        let (start, coreStart) = (secondsNow(), coreSeconds())
        let writer = CheckpointWriter(run: run)
        do {
            for save in saves {
                try metrics.sync()
                try writer.write(
                    CheckpointContents(
                        model: save.copy.model, training: save.copy.training, vocabulary: save.vocabulary,
                        state: save.state))
                if save.isBest { try writer.pointBest(to: save.state.step) }
                result.written += 1
            }
        } catch {
            result.failure = "\(error)"
            let path = run.checkpointPath(ofStep: saves[result.written].state.step)
            result.lacksOnlyLinks = (try? Checkpoint(path: path).verify()) != nil
        }
        if result.written > 0 {
            do { try writer.keep(kept) } catch {
                result.troubles.append(
                    "\(error) Checkpoints beyond checkpoint.keep \(kept) are kept until the next one.")
            }
            do { try run.write(outcome: saves[result.written - 1].outcome) } catch {
                result.outcomeTrouble = "\(error)"
            }
        }
        (result.seconds, result.coreSeconds) = (secondsNow() - start, coreSeconds() - coreStart)
        return result
    }

    /// CPU seconds of the calling thread.
    private func coreSeconds() -> Double { seconds(on: CLOCK_THREAD_CPUTIME_ID) }
}
