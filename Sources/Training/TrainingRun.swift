import ConfigFile
package import FileFormats
package import MPI
import Optimization
import Recurrent
package import RunFolder
import Sequences
import Tensors

/// A training from its start, or from a checkpoint, to its end: steps, train lines, validations and checkpoints in that
/// order, and what the root writes of them. Every method that works on `trainer` is collective.
package final class TrainingRun {
    private let communicator: Communicator
    private let console: Console
    private let run: RunDirectory
    private let assembly: Assembly
    private var trainer: Trainer
    private let fingerprints: JSONValue
    /// The command that goes on with this run.
    private let command: String
    /// At the root alone.
    private var log: RunLog?
    private var timer: CheckpointTimer

    private var best = Double.infinity
    private var validationsSinceBest = 0
    private var lastCheckpointStep = -1
    private var ending: Ending?

    /// Why a training is over before its last step.
    private enum Ending: Equatable {
        case solved
        case patience
    }

    /// - Parameter checkpoint: at the root, what to go on from; nil to begin. `resumes` says the same on every rank.
    package init(
        _ assembly: Assembly, on communicator: Communicator, in run: RunDirectory, console: Console,
        fingerprints: JSONValue, command: String, resumes: Bool, from checkpoint: Checkpoint?
    ) throws {
        self.assembly = assembly
        self.communicator = communicator
        self.run = run
        self.console = console
        self.fingerprints = fingerprints
        self.command = command
        trainer = assembly.trainer
        timer = CheckpointTimer(assembly.options.checkpointInterval)
        if resumes {
            try TrainingState.restore(checkpoint, into: &trainer)
            lastCheckpointStep = trainer.steps
            let extra = checkpoint?.state.extra
            best = try communicator.broadcast(extra?["best_validation_loss"]?.numberValue ?? .infinity, root: 0)
            validationsSinceBest = Int(
                try communicator.broadcast(Int64(extra?["validations_since_best"]?.integerValue ?? 0), root: 0))
            if try communicator.broadcast(extra?["ending"]?.stringValue == "solved" ? 1 : Int32(0), root: 0) == 1 {
                ending = .solved
            }
        }
        if isOutOfPatience { ending = .patience }
    }

    private var options: Options { assembly.options }
    private var isOutOfPatience: Bool { options.patience > 0 && validationsSinceBest >= options.patience }

    /// Updates done.
    package var steps: Int { trainer.steps }

    /// Whether there is nothing left to train.
    package var isComplete: Bool { ending != nil || trainer.steps >= trainer.totalSteps }

    /// Trains to the end. Collective.
    package func train() throws {
        if communicator.isRoot {
            let metrics = try MetricsFile(path: run.metricsPath)
            _ = try metrics.cut(after: trainer.steps)
            log = runLog(metrics)
            try noteRunning()
        }
        Job.page.note(steps: trainer.steps)
        Job.page.begin(.training)
        while !isComplete {
            let summary = try trainer.step(wishingCheckpoint: communicator.isRoot && timer.isDue)
            Job.page.note(steps: trainer.steps)
            try log?.step(
                summary, step: trainer.steps, writes: trainer.steps.isMultiple(of: options.loggingInterval))
            noteCriterion()
            let improved = try validateIfDue(summary)
            if isComplete || improved || checkpointIsDue(summary) { try writeCheckpoint(isBest: improved) }
        }
        if lastCheckpointStep != trainer.steps { try writeCheckpoint(isBest: false) }
        try test()
        try finish()
    }

    /// What outcome.json says while training goes on, and after a death that nobody could write down.
    private func noteRunning() throws {
        try run.write(
            outcome: Outcome(
                state: .running, step: trainer.steps, reason: "training; the step is the last checkpoint's",
                next: command))
    }

    /// Says a complete run's figures again, and makes up for a test that is missing: asked for since, or cut off by the
    /// program's death. Collective.
    package func sayAgain() throws {
        let isMissing = try communicator.agree { () -> Int32 in
            guard communicator.isRoot, assembly.data.test != nil else { return 0 }
            return try MetricsFile(path: run.metricsPath).lastLines()["test"] == nil ? 1 : 0
        }
        if try communicator.broadcast(isMissing, root: 0) == 1 {
            if communicator.isRoot { log = runLog(try MetricsFile(path: run.metricsPath)) }
            try test()
        }
        try finish()
    }

    private func runLog(_ metrics: MetricsFile) -> RunLog {
        RunLog(console, metrics, task: assembly.data.task, ranks: communicator.size, totalSteps: trainer.totalSteps)
    }

    private func noteCriterion() {
        guard let metAfter = trainer.criterion?.metAfter, metAfter > trainer.sequences - options.batch else { return }
        console.info("the paper's criterion on training sequences is met after \(metAfter) sequences")
        if assembly.data.task.isSolvedByCriterion { ending = .solved }
    }

    private func checkpointIsDue(_ summary: Trainer.StepSummary) -> Bool {
        if case .steps(let steps) = options.checkpointInterval { return trainer.steps.isMultiple(of: steps) }
        return summary.wishesCheckpoint
    }

    /// Returns whether there was a validation with a better loss than all before.
    private func validateIfDue(_ summary: Trainer.StepSummary) throws -> Bool {
        guard let validation = assembly.validation, validationIsDue else { return false }
        try trainer.pack()
        let score = try pausing(.validation) { try validation.score(trainer.network) }
        let improved = score.loss < best
        best = min(best, score.loss)
        validationsSinceBest = improved ? 0 : validationsSinceBest + 1
        trainer.schedule.observe(validationLoss: score.loss)
        try log?.score("validation", score, step: trainer.steps, epoch: summary.epoch, isBest: improved)
        if isOutOfPatience { ending = .patience }
        if score.isSolved && criterionAllows { ending = .solved }
        return improved
    }

    /// As the paper proceeds: the test counts once the criterion on training sequences, if there is one, has been met.
    private var criterionAllows: Bool { trainer.criterion.map { $0.metAfter != nil } ?? true }

    private var validationIsDue: Bool {
        switch options.validationInterval {
        case .steps(let steps): trainer.steps.isMultiple(of: steps)
        case .epochs(let epochs):
            epochs > 0 && trainer.position == 0 && (trainer.epoch - 1).isMultiple(of: epochs)
        }
    }

    private func pausing<R>(_ phase: Phase, _ body: () throws -> R) rethrows -> R {
        try Job.page.during(phase) { if let log { try log.pausing(body) } else { try body() } }
    }

    /// Collective: carried states come to the root, which writes.
    private func writeCheckpoint(isBest: Bool) throws {
        try pausing(.checkpoint) {
            let start = secondsNow()
            let state = try TrainingState.gather(trainer)
            try communicator.agree {
                guard communicator.isRoot else { return }
                try log?.sync()
                let writer = CheckpointWriter(run: run)
                _ = try writer.write(contents(state))
                if isBest { try writer.pointBest(to: trainer.steps) }
                try writer.keep(options.checkpointsKept)
                try noteRunning()
            }
            lastCheckpointStep = trainer.steps
            timer.noteCheckpoint(seconds: secondsNow() - start)
            console.debug("checkpoint at step \(trainer.steps) in \(format(secondsNow() - start)) s")
        }
    }

    private func contents(_ state: TrainingState) -> CheckpointContents {
        let layout = trainer.network.configuration.layout
        let extra =
            TrainingState.extra(trainer) + [
                ("best_validation_loss", best.isFinite ? .number(best) : .null),
                ("validations_since_best", .integer(validationsSinceBest)),
                ("ending", ending == .solved ? .string("solved") : .null),
                ("ranks", .integer(communicator.size)), ("sums", SumDefinition.json(options)), ("data", fingerprints),
            ]
        return CheckpointContents(
            model: modelTensors(of: trainer.memory.parameters, layout), training: state.tensors(trainer),
            vocabulary: assembly.data.vocabulary?.json,
            state: CheckpointState(
                programVersion: programVersion, step: trainer.steps, epoch: trainer.epoch,
                position: trainer.position, seed: Int(options.seed), config: assembly.configuration.yaml,
                extra: .object(extra)))
    }

    /// Scores the test split with the best weights, or with the last ones where there is no best. Collective.
    private func test() throws {
        guard let source = assembly.data.test else { return }
        Job.page.begin(.test)
        let layout = trainer.network.configuration.layout
        let weights = FloatBlock(count: layout.count)
        weights.copy(from: trainer.memory.parameters)
        try communicator.agree {
            guard communicator.isRoot, best.isFinite else { return }
            try read(RunDirectory.resolve(run.path).model, into: weights, layout: layout)
        }
        try communicator.broadcast(weights.buffer, root: 0)
        weights.markChanged()
        let scorer = Scorer(
            communicator, task: assembly.data.task, source: source, for: trainer.network.configuration,
            rootOnly: options.validatesAtRoot, team: trainer.team)
        let score = try scorer.score(.forScoring(trainer.network.configuration, weights))
        try log?.score("test", score, step: trainer.steps, epoch: trainer.epoch, isBest: false)
    }

    private func finish() throws {
        Job.page.begin(.exit)
        guard communicator.isRoot else { return }
        let reason =
            switch ending {
            case .solved: "the task is solved"
            case .patience: "\(options.patience) validations without a better loss"
            case nil: "all steps are done"
            }
        try run.write(outcome: Outcome(state: .done, step: trainer.steps, reason: reason))
        console.info("done at step \(trainer.steps): \(reason); \(run.path) holds the run")
        try sayResult()
    }

    /// What standard output ends with; taken from metrics.jsonl, so that a complete run can say it again.
    private func sayResult() throws {
        let last = try MetricsFile(path: run.metricsPath).lastLines()
        if let loss = last["train"]?["loss"]?.numberValue { console.result("last training loss \(format(loss))") }
        if best.isFinite { console.result("best validation loss \(format(best))") }
        if let test = last["test"] {
            let figures = ["loss", "perplexity", "accuracy"].compactMap { name in
                test[name]?.numberValue.map { "\(name) \(format($0))" }
            }
            console.result("test \(figures.joined(separator: ", "))")
        }
        guard assembly.data.task.canBeSolved else { return }
        if let metAfter = trainer.criterion?.metAfter {
            console.result("paper's training criterion met after \(metAfter) sequences")
        }
        console.result("\(ending == .solved ? "solved" : "not solved") after \(trainer.sequences) sequences")
    }
}
