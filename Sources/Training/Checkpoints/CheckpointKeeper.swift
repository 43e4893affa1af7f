package import JobControl
package import RunFolder
import System

/// Writes a run's checkpoints on the root, concurrently with training; reports failures and tries again.
///
/// `copy` and `write` block training; writing happens on a background thread, one save at a time. A save that fails
/// does not end training: it causes a warning, and the next save replaces it. The best state so far, which no later
/// state can replace, is kept and written before the next one. All methods must be called on the main thread.
package final class CheckpointKeeper {
    private let run: RunDirectory
    private let lock: RunLock?
    private let console: Console
    private let interval: TrainingConfiguration.CheckpointInterval
    private let work: CheckpointWork
    private var timer: CheckpointTimer

    private var flight: Flight?
    /// Snapshots that can be filled.
    private var spare: [TrainingSnapshot] = []
    /// States that could not be written: the best so far, and the latest.
    private var unsaved: [CheckpointWork.Save] = []
    /// The reason why the latest state could not be written.
    private var failure: String?
    /// The step of the newest complete checkpoint that is known.
    private(set) var lastWhole: Int?
    /// Seconds of the slowest checkpoint, from the copy until everything was on disk.
    private(set) var longestSeconds = 0.0
    private var isOutcomeBehind = false
    private var hasWarnedOfLinks = false
    /// The number of failed saves in a row.
    private var failures = 0

    /// A save in progress.
    private struct Flight {
        let saves: [CheckpointWork.Save]
        let thread: BackgroundWork<CheckpointWork.Result>
        /// Seconds that training has waited for the previous save and for the copy.
        let waited: Double
    }

    /// - Parameter resumed: the step of the checkpoint that the run resumes from; nil for a new run.
    package init(
        _ run: RunDirectory, lock: RunLock?, metrics: MetricsFile, options: TrainingConfiguration, console: Console,
        resumed: Int?
    ) {
        self.run = run
        self.lock = lock
        self.console = console
        interval = options.checkpointInterval
        work = CheckpointWork(run: run, lock: lock, metrics: metrics, kept: options.checkpointsKept)
        timer = CheckpointTimer(interval)
        lastWhole = resumed
    }

    /// Whether a checkpoint is due by the clock; false while one is being written.
    package var isDue: Bool { flight == nil && timer.isDue }

    /// Allocates the memory for a state before training begins: at the first checkpoint, page faults would take longer
    /// than the copy.
    func reserve(for trainer: Trainer) {
        let copy = TrainingSnapshot(for: trainer)
        copy.fill(from: trainer)
        spare.append(copy)
    }

    /// Returns memory for the training's state. Waits for the save in progress, if there is one, and reports it.
    func copy(for trainer: Trainer) -> TrainingSnapshot {
        settle()
        // The newer state replaces the latest unsaved one.
        spare += unsaved.filter { !$0.isBest }.map(\.copy)
        unsaved.removeAll { !$0.isBest }
        return spare.popLast() ?? TrainingSnapshot(for: trainer)
    }

    /// Begins to write a state, in the memory that `copy` returned.
    ///
    /// - Parameter waited: seconds that training has waited for it so far.
    func write(_ save: CheckpointWork.Save, waited: Double) {
        timer.restart()
        if save.isBest {
            spare += unsaved.map(\.copy)
            unsaved = []
        }
        begin(unsaved + [save], waited: waited)
    }

    private func begin(_ saves: [CheckpointWork.Save], waited: Double) {
        flight = Flight(saves: saves, thread: BackgroundWork { [work] in work.carryOut(saves) }, waited: waited)
    }

    /// Reports the save in progress if it has ended.
    package func report() {
        if let flight, flight.thread.hasEnded { settle() }
    }

    /// Waits for the save in progress, and reports it.
    package func settle() {
        guard let step = flight?.saves.last?.state.step else { return }
        land(orNext: "Training continues; the next attempt is \(nextTry(after: step)).")
    }

    /// Waits until the last state is on disk. If it can't be written, tries once more.
    ///
    /// - Throws: a `CommandError` if it still can't; `RunFolderError.lost` if this job has lost the folder's lock.
    package func finish() throws {
        land(orNext: "It is retried once.")
        if let loss = lock?.loss { throw loss }
        if !unsaved.isEmpty {
            begin(unsaved, waited: 0)
            land(orNext: nil)
        }
        if let loss = lock?.loss { throw loss }
        guard let failure, let save = unsaved.last else { return }
        let best = unsaved.count > 1 ? " and the best (step \(unsaved[0].state.step))" : ""
        throw CommandError.failure(
            "the last state (step \(save.state.step))\(best) could not be saved: \(failure) \(lastWholeText) When "
                + "\(run.path) is writable again, resume with the same command")
    }

    /// Waits for the save in progress and handles its result.
    ///
    /// - Parameter next: the end of the warning about a failure; nil: no warning.
    private func land(orNext next: String?) {
        guard let flight else { return }
        let result = flight.thread.result()
        self.flight = nil
        let written = flight.saves.prefix(result.written)
        spare += written.map(\.copy)
        unsaved = Array(flight.saves.dropFirst(result.written))
        failure = result.failure
        longestSeconds = max(longestSeconds, flight.waited + result.seconds)
        lastWhole = written.last?.state.step ?? lastWhole
        if result.lacksOnlyLinks { lastWhole = unsaved.first?.state.step }
        if failure == nil { timer.note(cost: flight.waited + result.coreSeconds) }
        printMessages(result, of: flight, next)
    }

    // MARK: - Messages

    private func printMessages(_ result: CheckpointWork.Result, of flight: Flight, _ next: String?) {
        // The loss of the folder is reported once, when the job ends.
        guard lock?.loss == nil else { return }
        if let missing = result.missingLinks, !hasWarnedOfLinks {
            hasWarnedOfLinks = true
            console.warning(
                "\(missing) best and latest are left out; the checkpoints are complete, and state.json names the best step."
            )
        }
        failures = result.failure == nil ? 0 : failures + 1
        if let failure = result.failure {
            // A disk may stay full for hours: warnings back off exponentially.
            if let next, failures.nonzeroBitCount == 1 {
                // The best state so far, which is written first, and the latest.
                let steps = unsaved.map { "\($0.state.step)" }
                let what = steps.count > 1 ? "checkpoints of steps" : "checkpoint of step"
                console.warning(
                    "the \(what) \(steps.joined(separator: " and ")) could not be saved: \(failure) "
                        + "\(lastWholeText) \(next)"
                        + (failures > 1 ? " (\(failures) failures in a row; next warning at \(2 * failures))" : ""))
            }
        } else {
            let step = flight.saves.last?.state.step ?? 0
            console.debug(
                "checkpoint of step \(step): training waited \(format(flight.waited)) s; written in the background in "
                    + "\(format(result.seconds)) s, \(format(result.coreSeconds)) s of them CPU time")
        }
        for trouble in result.troubles { console.warning(trouble) }
        if let trouble = result.outcomeTrouble, !isOutcomeBehind {
            console.warning("\(trouble) Training continues; the file is written again with the next checkpoint.")
        }
        isOutcomeBehind = result.outcomeTrouble != nil
    }

    private var lastWholeText: String {
        lastWhole.map { "The last complete checkpoint is \(run.checkpointPath(ofStep: $0))." }
            ?? "There is no complete checkpoint yet."
    }

    private func nextTry(after step: Int) -> String {
        switch interval {
        case .steps(let steps): "at step \((step / steps + 1) * steps)"
        case .minutes, .auto: "in \(duration(max(0, timer.secondsLeft)))"
        }
    }
}
