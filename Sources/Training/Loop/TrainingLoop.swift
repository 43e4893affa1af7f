import ConfigFile
package import FileFormats
package import JobControl
package import MPI
import Optimization
import Recurrent
import Reduction
package import RunFolder
import Sequences
import System
import Tensors

/// Trains from the start or from a checkpoint to the end: steps, train lines, validations and checkpoints, in that
/// order, and the root's files. Every method that uses `trainer` is collective.
package final class TrainingLoop {
    private let communicator: Communicator
    private let console: Console
    private let run: RunDirectory
    private let assembly: TrainerBuilder
    private var trainer: Trainer
    private let fingerprints: JSONValue
    /// The SHA-256 of the weights file that the run started from; only at the root.
    private let initialWeights: String?
    /// The command that resumes this run.
    private let command: String
    /// The host of each rank, at the root.
    private let hosts: [String]
    /// Only at the root.
    private var log: RunLog?
    private var keeper: CheckpointKeeper?
    private lazy var artifacts = assembly.data.task.artifacts
    private var stopPolicy: StopPolicy

    private var progress = RunProgress()
    private var lastCheckpointStep = -1
    private var isOutOfPatience = false
    /// Steps skipped since this process started; their warnings back off exponentially.
    private var skippedInSession = 0

    /// How a session ended.
    package enum SessionEnd: Equatable {
        case done
        case stopped(StopReason)
    }

    /// - Parameters:
    ///   - initialWeights: at the root of a new run: the SHA-256 of the weights file that it starts from.
    ///   - stopPolicy: this rank's reasons to stop.
    ///   - checkpoint: at the root, the checkpoint to resume from; nil for a new run. `resumes` is whether there is
    ///     one, on every rank.
    package init(
        _ assembly: TrainerBuilder, on communicator: Communicator, in run: RunDirectory, console: Console,
        fingerprints: JSONValue, initialWeights: String?, command: String, stopPolicy: StopPolicy, resumes: Bool,
        from checkpoint: Checkpoint?
    ) throws {
        self.assembly = assembly
        self.communicator = communicator
        self.run = run
        self.console = console
        self.fingerprints = fingerprints
        self.initialWeights =
            resumes ? checkpoint?.state.extra[CheckpointTransfer.initialWeights]?.stringValue : initialWeights
        self.command = command
        self.stopPolicy = stopPolicy
        trainer = assembly.trainer
        hosts = try communicator.gather(Job.hostName, root: 0)
        if resumes {
            progress = try CheckpointTransfer.restore(checkpoint, into: &trainer)
            lastCheckpointStep = trainer.steps
        }
        notePatience()
    }

    private var options: TrainingConfiguration { assembly.options }

    private func notePatience() {
        isOutOfPatience = options.patience > 0 && progress.validationsSinceBest >= options.patience
    }

    /// Updates done.
    package var steps: Int { trainer.steps }

    /// Whether there is nothing left to train.
    package var isComplete: Bool {
        !progress.owesValidation && (progress.isSolved || isOutOfPatience || trainer.steps >= trainer.totalSteps)
    }

    /// Trains to the end, or until a rank is asked to stop. Collective.
    package func train() throws -> SessionEnd {
        try communicator.agree {
            guard communicator.isRoot else { return }
            let metrics = try MetricsFile(path: run.metricsPath)
            let removed = try metrics.cut(after: trainer.steps, beforeValidation: progress.owesValidation).removed
            if removed > 0 { console.info("\(run.metricsPath): removed \(counted(removed, "line")) of later steps") }
            log = runLog(metrics)
            keeper = CheckpointKeeper(
                run, lock: stopPolicy.lock, metrics: metrics, options: options, console: console,
                resumed: lastCheckpointStep < 0 ? nil : lastCheckpointStep)
            keeper?.reserve(for: trainer)
            try run.write(outcome: running)
        }
        // A checkpoint that is being written is completed, whatever ends the training.
        defer { Job.page.during(.checkpoint) { keeper?.settle() } }
        if progress.owesValidation {
            progress.owesValidation = false
            // Always a checkpoint: the existing one records that the validation is still due.
            try writeCheckpoint(isBest: validate(epoch: trainer.epochOfLastStep))
        }
        Job.page.note(steps: trainer.steps)
        Job.page.begin(.training)
        while !isComplete {
            let start = secondsNow()
            let summary = try step()
            Job.page.note(steps: trainer.steps)
            stopPolicy.noteStep(seconds: secondsNow() - start)
            let writes = trainer.steps.isMultiple(of: options.loggingInterval)
            if !stopPolicy.hasLostFolder {
                log?.step(
                    summary, step: trainer.steps, skipped: progress.skippedSteps,
                    stragglers: writes ? trainer.stragglers : nil, writes: writes)
            }
            keeper?.report()
            noteCriterion()
            if let reason = summary.requests.stop, !isComplete {
                try stop(for: reason)
                return .stopped(reason)
            }
            let improved = try validationIsDue ? validate(epoch: summary.epoch) : false
            if isComplete || improved || checkpointIsDue(summary) { try writeCheckpoint(isBest: improved) }
        }
        if lastCheckpointStep != trainer.steps { try writeCheckpoint(isBest: false) }
        try finishCheckpoints()
        try test()
        try finish()
        return .done
    }

    private var requests: StepRequests {
        stopPolicy.noteCheckpoint(seconds: keeper?.longestSeconds ?? 0)
        let requests = stopPolicy.requests(validates: assembly.validation != nil && validationIsDue(after: 1))
        return keeper?.isDue ?? false ? requests.union(.checkpoint) : requests
    }

    private func step() throws -> Trainer.StepSummary {
        do {
            let summary = try trainer.step(requests: requests)
            if let fault = summary.skipped {
                progress.skippedSteps += 1
                skippedInSession += 1
                // The first eight are reported, then each doubling of their number.
                let nextWarning = progress.skippedSteps + skippedInSession
                if skippedInSession <= 8 || skippedInSession.nonzeroBitCount == 1 {
                    console.warning(
                        "\(fault.description); update skipped (\(grouped(progress.skippedSteps)) so far"
                            + (skippedInSession < 8 ? ")" : "; next warning at \(grouped(nextWarning)))"))
                }
            }
            return summary
        } catch let fault as NonFiniteStep {
            let checkpoint =
                lastSavedStep.map { "the last checkpoint, of step \($0), is good" } ?? "there is no checkpoint yet"
            throw CommandError.failure(
                "\(fault.description), so training has stopped without this update; \(checkpoint); try a smaller "
                    + "training.optimizer.learning_rate or training.clip_norm, or skip such steps with "
                    + "training.nonfinite: skip"
            ).everywhere
        }
    }

    /// Ends a session after a step. A validation that is due is left to the next session, because time may be short.
    /// Collective.
    private func stop(for reason: StopReason) throws {
        if reason == .folderLost {
            // Only the root knows the reason, and reports it for all ranks.
            throw CommandError.failure(stopPolicy.lock?.loss.map { "\($0)" } ?? reason.description).everywhere
        }
        if reason.wantsCheckpoint {
            progress.owesValidation = assembly.validation != nil && validationIsDue
            try writeCheckpoint(isBest: false)
            try finishCheckpoints()
        }
        try communicator.agree { try stopPolicy.lock?.check() }
        guard communicator.isRoot else { return }
        let saved =
            reason.wantsCheckpoint
            ? "the checkpoint is written"
            : lastSavedStep.map { "the last checkpoint is of step \($0)" } ?? "there is no checkpoint"
        try run.write(
            outcome: Outcome(
                state: .stopped, step: trainer.steps, reason: "\(reason.description); \(saved)", next: command))
        try run.removeStopRequest()
        console.info("stopped at step \(trainer.steps): \(reason.description); \(saved); to resume: \(command)")
    }

    /// The step of the newest checkpoint on the disk, at the root. Waits for a checkpoint that is being written.
    private var lastSavedStep: Int? {
        Job.page.during(.checkpoint) { keeper?.settle() }
        return keeper?.lastWhole
    }

    /// The contents of outcome.json during training, and after a crash.
    private var running: Outcome {
        Outcome(
            state: .running, step: trainer.steps, reason: "training; the step is the last checkpoint's", next: command)
    }

    /// Reprints a complete run's results; runs the test evaluation if it is missing (requested later, or interrupted).
    /// Collective.
    package func reprint() throws {
        let isMissing = try communicator.agree { () -> Int32 in
            guard communicator.isRoot, assembly.data.test != nil else { return 0 }
            return try MetricsFile(path: run.metricsPath).lastLines()["test"] == nil ? 1 : 0
        }
        if try communicator.broadcast(isMissing, root: 0) == 1 {
            try communicator.agree {
                guard communicator.isRoot else { return }
                let metrics = try MetricsFile(path: run.metricsPath)
                // A test line may have been torn.
                try metrics.cut(after: trainer.steps)
                log = runLog(metrics)
            }
            try test()
        }
        try finish()
    }

    private func runLog(_ metrics: MetricsFile) -> RunLog {
        RunLog(console, metrics, task: assembly.data.task, hosts: hosts, totalSteps: trainer.totalSteps)
    }

    private func noteCriterion() {
        guard let metAfter = trainer.criterion?.metAfter, metAfter > trainer.sequences - options.batch else { return }
        console.info("the paper's criterion on training sequences is met after \(metAfter) sequences")
        if assembly.data.task.isSolvedByCriterion { progress.isSolved = true }
    }

    private func checkpointIsDue(_ summary: Trainer.StepSummary) -> Bool {
        if case .steps(let steps) = options.checkpointInterval, trainer.steps.isMultiple(of: steps) { return true }
        return summary.requests.contains(.checkpoint)
    }

    /// Returns whether this validation is the best so far.
    private func validate(epoch: Int) throws -> Bool {
        guard let validation = assembly.validation else { return false }
        let start = secondsNow()
        defer { stopPolicy.noteValidation(seconds: secondsNow() - start) }
        try trainer.pack()
        let score = try pausing(.validation) { try validation.score(trainer.network) }
        let improved = progress.note(
            validationLoss: score.loss, metric: score.value(of: assembly.bestMetric), step: trainer.steps)
        trainer.schedule.observe(validationLoss: score.loss)
        log?.score("validation", score, step: trainer.steps, epoch: epoch, isBest: improved)
        notePatience()
        if score.isSolved && criterionAllows { progress.isSolved = true }
        return improved
    }

    /// As in the paper, the task counts as solved only after the criterion on training sequences, if there is one, has
    /// been met.
    private var criterionAllows: Bool { trainer.criterion.map { $0.metAfter != nil } ?? true }

    private var validationIsDue: Bool { validationIsDue(after: 0) }

    /// Whether a validation is due after `more` further steps; `more` must not exceed the steps of an epoch.
    private func validationIsDue(after more: Int) -> Bool {
        switch options.validationInterval {
        case .steps(let steps): (trainer.steps + more).isMultiple(of: steps)
        case .epochs(let epochs):
            epochs > 0 && (trainer.position + more) % trainer.stepsPerEpoch == 0
                && (trainer.epoch - (more > 0 ? 0 : 1)).isMultiple(of: epochs)
        }
    }

    private func pausing<R>(_ phase: Phase, _ body: () throws -> R) rethrows -> R {
        try Job.page.during(phase) { if let log { try log.pausing(body) } else { try body() } }
    }

    /// Starts to write a checkpoint of the current state; training continues while the root writes. A failed write is
    /// fatal only in `finishCheckpoints`. Collective: the root gathers the carried states.
    private func writeCheckpoint(isBest: Bool) throws {
        try pausing(.checkpoint) {
            let start = secondsNow()
            try checkWeights()
            let copy = keeper?.copy(for: trainer)
            try CheckpointTransfer.gather(trainer, into: copy)
            if let keeper, let copy { keeper.write(save(copy, isBest: isBest), waited: secondsNow() - start) }
            lastCheckpointStep = trainer.steps
        }
    }

    /// Collective.
    private func checkWeights() throws {
        try CheckpointTransfer.checkWeights(trainer) {
            let checkpoint = lastSavedStep.map { "the last one, of step \($0), is good" } ?? "there is none yet"
            return CommandError.failure(
                "the weights are no longer finite after step \(trainer.steps), so training has stopped without a "
                    + "checkpoint of them; \(checkpoint); try a smaller training.optimizer.learning_rate")
        }
    }

    /// Returns when the last checkpoint is on the disk; throws on all ranks if it can't be written. Collective.
    private func finishCheckpoints() throws {
        try pausing(.checkpoint) { try communicator.agree { try keeper?.finish() } }
    }

    private func save(_ copy: TrainingSnapshot, isBest: Bool) -> CheckpointWork.Save {
        progress.update(from: trainer)
        let extra =
            progress.members + [
                ("ranks", .integer(communicator.size)), ("sums", SumDefinition.json(options)), ("data", fingerprints),
                (CheckpointTransfer.initialWeights, initialWeights.map { .string($0) } ?? .null),
            ]
        return CheckpointWork.Save(
            copy: copy,
            state: CheckpointState(
                programVersion: programVersion, step: trainer.steps, epoch: trainer.epoch,
                position: trainer.position, seed: Int(options.seed), config: assembly.configuration.yaml,
                extra: .object(extra)),
            artifacts: artifacts, isBest: isBest, outcome: running)
    }

    /// Scores the test split with the best weights, or with the last ones if there is no best. Collective.
    private func test() throws {
        guard let source = assembly.data.test else { return }
        Job.page.begin(.test)
        let layout = trainer.network.configuration.layout
        let weights = FloatBlock(count: layout.count)
        weights.copy(from: trainer.memory.parameters)
        try communicator.agree {
            guard communicator.isRoot, progress.bestLoss.isFinite else { return }
            try read(RunDirectory.resolve(run.path).model, into: weights, layout: layout)
        }
        try communicator.broadcast(weights.buffer, root: 0)
        weights.markChanged()
        let scorer = Evaluator(
            communicator, task: assembly.data.task, source: source, for: trainer.network.configuration,
            rootOnly: options.validatesAtRoot, team: trainer.team)
        let score = try scorer.score(.forScoring(trainer.network.configuration, weights))
        log?.score("test", score, step: trainer.steps, epoch: trainer.epoch, isBest: false)
    }

    /// Writes the outcome and prints the results. Collective, so that a file that can't be written ends all ranks with
    /// one message.
    private func finish() throws {
        Job.page.begin(.saving)
        let reason =
            progress.isSolved
            ? "the task is solved"
            : isOutOfPatience
                ? "\(options.patience) validations without a better \(assembly.bestMetric.rawValue)"
                : "all steps are done"
        try communicator.agree {
            guard communicator.isRoot else { return }
            try stopPolicy.lock?.check()
            try log?.sync()
            try run.write(outcome: Outcome(state: .done, step: trainer.steps, reason: reason))
            if progress.skippedSteps > 0 {
                console.warning(
                    "\(grouped(progress.skippedSteps)) of \(counted(trainer.steps, "update")) skipped (training.nonfinite: skip)"
                )
            }
            console.info("done at step \(trainer.steps): \(reason); \(run.path) holds the run")
            try printResult()
        }
    }

    /// Prints the last lines of standard output from metrics.jsonl, so that a complete run can print them again.
    private func printResult() throws {
        let last = try MetricsFile(path: run.metricsPath).lastLines()
        if let loss = last["train"]?["loss"]?.numberValue { console.result("last training loss \(format(loss))") }
        if progress.bestLoss.isFinite {
            let metric = assembly.bestMetric
            console.result(
                metric.isHigherBetter
                    ? "best validation \(metric.rawValue) \(format(progress.bestMetric)), loss \(format(progress.bestLoss))"
                    : "best validation loss \(format(progress.bestLoss))")
        }
        if let test = last["test"] {
            let figures = (["loss"] + assembly.data.task.metricNames).compactMap { name in
                test[name]?.numberValue.map { "\(name) \(format($0))" }
            }
            console.result("test \(figures.joined(separator: ", "))")
        }
        guard assembly.data.task.canBeSolved else { return }
        if let metAfter = trainer.criterion?.metAfter {
            console.result("paper's training criterion met after \(metAfter) sequences")
        }
        console.result("\(progress.isSolved ? "solved" : "not solved") after \(trainer.sequences) sequences")
    }
}
