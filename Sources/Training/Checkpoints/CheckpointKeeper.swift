package import JobControl
package import RunFolder
import System

/// The root's keeper of a run's checkpoints: writes them beside the training, says what went wrong and tries again.
///
/// `copy` and `write` cost the training what they say; the rest happens on a thread of its own, one write at a time. A
/// write that fails ends nothing: it is warned of, and the next one takes its place. What no later one can take the place of,
/// the best state so far, is kept and written before the next. All methods are for the main thread.
package final class CheckpointKeeper {
    private let run: RunDirectory
    private let lock: RunLock?
    private let console: Console
    private let interval: TrainingConfiguration.CheckpointInterval
    private let work: CheckpointWork
    private var timer: CheckpointTimer

    private var flight: Flight?
    /// Copies that can be filled.
    private var spare: [TrainingSnapshot] = []
    /// States that could not be written: the best so far, and the last.
    private var unsaved: [CheckpointWork.Save] = []
    /// Why the last one could not be written.
    private var failure: String?
    /// The newest whole checkpoint, as far as is known.
    private(set) var lastWhole: Int?
    /// Of the checkpoint that took longest, from the copy until all was on the disk.
    private(set) var longestSeconds = 0.0
    private var isOutcomeBehind = false
    private var hasWarnedOfLinks = false
    /// Saves that failed, one after the other.
    private var failures = 0

    /// A write that is under way.
    private struct Flight {
        let saves: [CheckpointWork.Save]
        let thread: BackgroundWork<CheckpointWork.Result>
        /// Seconds that the training has waited for the write before, and for the copy.
        let waited: Double
    }

    /// - Parameter resumed: the step of the checkpoint that the run goes on from; nil if it begins.
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

    /// Whether the clock asks for a checkpoint now. It does not while one is being written.
    package var isDue: Bool { flight == nil && timer.isDue }

    /// Takes the memory for a state before training begins: at the first checkpoint the system would need longer to hand it
    /// out, page by page, than the copy takes.
    func reserve(for trainer: Trainer) {
        let copy = TrainingSnapshot(for: trainer)
        copy.fill(from: trainer)
        spare.append(copy)
    }

    /// Memory for the training's state. Waits for the write under way, if there is one, and reports it.
    func copy(for trainer: Trainer) -> TrainingSnapshot {
        settle()
        // The newer state takes the place of the last one.
        spare += unsaved.filter { !$0.isBest }.map(\.copy)
        unsaved.removeAll { !$0.isBest }
        return spare.popLast() ?? TrainingSnapshot(for: trainer)
    }

    /// Begins to write a state, in the memory that `copy` gave.
    ///
    /// - Parameter waited: seconds that the training has lost to it so far.
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

    /// Reports the write under way if it has ended.
    package func report() {
        if let flight, flight.thread.hasEnded { settle() }
    }

    /// Waits for the write under way, and reports it.
    package func settle() {
        guard let step = flight?.saves.last?.state.step else { return }
        land(orNext: "Training goes on; the next try is \(nextTry(after: step)).")
    }

    /// Waits until the last state is on the disk. If it can't be written, tries once more.
    ///
    /// - Throws: a `CommandError` if it still can't; `RunFolderError.lost` if the folder is not this job's any more.
    package func finish() throws {
        land(orNext: "It is tried once more.")
        if let loss = lock?.loss { throw loss }
        if !unsaved.isEmpty {
            begin(unsaved, waited: 0)
            land(orNext: nil)
        }
        if let loss = lock?.loss { throw loss }
        guard let failure, let save = unsaved.last else { return }
        let best = unsaved.count > 1 ? " and the best, of step \(unsaved[0].state.step)," : ""
        throw CommandError.failure(
            "the last state, of step \(save.state.step),\(best) could not be saved: \(failure) \(lastWholeText) Once "
                + "\(run.path) can be written, the same command goes on from there")
    }

    /// Waits for the write under way and takes note of its result.
    ///
    /// - Parameter next: what is said to follow if it has failed; nil: nothing is said then.
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
        say(result, of: flight, next)
    }

    // MARK: - What is said

    private func say(_ result: CheckpointWork.Result, of flight: Flight, _ next: String?) {
        // That is said once, when the job ends for it.
        guard lock?.loss == nil else { return }
        if let missing = result.missingLinks, !hasWarnedOfLinks {
            hasWarnedOfLinks = true
            console.warning(
                "\(missing) best and latest are left out; the checkpoints are whole, and state.json names the best step."
            )
        }
        failures = result.failure == nil ? 0 : failures + 1
        if let failure = result.failure {
            // A disk may stay full for hours: each doubling of their number is worth a line.
            if let next, failures.nonzeroBitCount == 1 {
                // The best so far, which is tried first, and the last.
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
                "checkpoint of step \(step): training waited \(format(flight.waited)) s; written beside it in "
                    + "\(format(result.seconds)) s, \(format(result.coreSeconds)) s of them on a core")
        }
        for trouble in result.troubles { console.warning(trouble) }
        if let trouble = result.outcomeTrouble, !isOutcomeBehind {
            console.warning("\(trouble) Training goes on; the file is written anew with the next checkpoint.")
        }
        isOutcomeBehind = result.outcomeTrouble != nil
    }

    private var lastWholeText: String {
        lastWhole.map { "The last whole checkpoint is \(run.checkpointPath(ofStep: $0))." }
            ?? "There is no whole checkpoint yet."
    }

    private func nextTry(after step: Int) -> String {
        switch interval {
        case .steps(let steps): "at step \((step / steps + 1) * steps)"
        case .minutes, .auto: "in \(duration(max(0, timer.secondsLeft)))"
        }
    }
}
