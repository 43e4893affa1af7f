import ConfigFile
import FileFormats
import Foundation
package import JobControl
package import MPI
import Optimization
import Recurrent
import Reduction
import RunFolder
import Sequences
import System
import Tensors

/// A training as requested on the command line: checks everything, then prepares the run folder, then trains.
package struct TrainingSession {
    package enum Resume: Equatable, Sendable {
        case auto
        case never
        case from(String)

        /// auto, never, or a path.
        package init(_ word: String) {
            switch word {
            case "auto": self = .auto
            case "never": self = .never
            default: self = .from(word)
            }
        }
    }

    private let configText: String
    private let file: String
    private let overrides: [String]
    private let run: RunDirectory
    private let resume: Resume
    private let overwrites: Bool
    private let initialWeights: String?
    private let isDryRun: Bool
    private let threads: Int
    private let times: StopTimes
    private let savesOnUser1: Bool
    private let command: String

    /// - Parameters:
    ///   - file: the configuration's name in messages.
    ///   - run: the run folder's path.
    ///   - threads: threads per rank.
    ///   - times: when this session must end.
    ///   - savesOnUser1: SIGUSR1 writes a checkpoint, and training continues.
    ///   - command: the command line that resumes this run, without its launcher.
    package init(
        configText: String, file: String, overrides: [String] = [], run: String, resume: Resume = .auto,
        overwrites: Bool = false, initialWeights: String? = nil, isDryRun: Bool = false, threads: Int = 1,
        times: StopTimes = StopTimes(), savesOnUser1: Bool = false, command: String
    ) {
        self.configText = configText
        self.file = file
        self.overrides = overrides
        self.run = RunDirectory(path: run)
        self.resume = resume
        self.overwrites = overwrites
        self.initialWeights = initialWeights
        self.isDryRun = isDryRun
        self.threads = threads
        self.times = times
        self.savesOnUser1 = savesOnUser1
        self.command = command
    }

    /// Checks, then trains to the end or until a rank is asked to stop. Collective. Nothing is written before all
    /// checks have passed.
    @discardableResult
    package func carryOut(
        on communicator: Communicator, _ console: Console, watchedBy hangGuard: HangGuard
    ) throws -> TrainingLoop.SessionEnd {
        StopSignals.install()
        let configuration = try communicator.agree {
            let configuration = try Configuration(
                yaml: configText, file: file, overrides: overrides, table: ConfigurationTable.all)
            try ConfigurationTable.check(configuration)
            return configuration
        }
        hangGuard.setTimeout(TrainingConfiguration(configuration).waitTimeout)
        Job.page.begin(.loading)
        var beginning = try communicator.agree { communicator.isRoot ? try lookAtFolder(console) : Beginning() }
        let resumes = try communicator.broadcast(Int32(beginning.checkpoint == nil ? 0 : 1), root: 0) == 1
        try communicator.agree {
            guard let checkpoint = beginning.checkpoint else { return }
            // The same command resumes the run: initial weights are then unused, and only checked to be the same.
            if let initialWeights {
                try ResumeRules.check(initialWeights: initialWeights, of: run, against: checkpoint)
            }
            beginning.changes = try ResumeRules.check(configuration, against: checkpoint)
            for change in beginning.changes {
                console.info("changed since the checkpoint: \(change)")
            }
            if let warning = SumDefinition.difference(from: checkpoint, TrainingConfiguration(configuration)) {
                console.info(warning)
            }
        }
        let assembly = try TrainerBuilder(
            configuration, on: communicator, initialWeights: resumes ? nil : initialWeights, threads: threads)
        let end = try carryOut(
            assembly, on: communicator, console, hangGuard, resumes: resumes, from: beginning)
        Job.page.begin(.exit)
        // After an error the system frees the memory: no rank can know whether the others reach this call.
        try assembly.free()
        return end
    }

    private func carryOut(
        _ assembly: TrainerBuilder, on communicator: Communicator, _ console: Console, _ hangGuard: HangGuard,
        resumes: Bool,
        from beginning: Beginning
    ) throws -> TrainingLoop.SessionEnd {
        let checkpoint = beginning.checkpoint
        try communicator.agree {
            if let checkpoint { try ResumeRules.check(assembly.fingerprints, against: checkpoint) }
        }
        if communicator.isRoot, let stale = SlurmTime.staleEnd() {
            console.warning("\(stale.variable) is \(stale.value), which has passed: ignored as this job's end time")
        }
        describe(assembly, on: communicator, console)
        try Doctor.warnOfCrowding(threads: threads, on: communicator, console)
        if isDryRun {
            console.result("dry run: all checks have passed; nothing was written")
            return .done
        }
        if communicator.size > 1, assembly.trainer.memory.refusal == nil {
            console.info("averaging: \(assembly.trainer.memory.averaging)")
        }

        var environment = try Environment.json(
            communicator, threads: threads, averaging: assembly.trainer.memory.averaging, tuning: TuningChoice.json)
        if case .from = resume, let checkpoint, !checkpoint.belongs(to: run) {
            environment = .object(
                (environment.members ?? []) + [(Self.resumedFrom, .string(absolute(checkpoint.path)))])
        }
        let watch = try communicator.agree { () -> RunWatcher? in
            guard communicator.isRoot else { return nil }
            let lock = try prepareFolder(assembly, environment, beginning, console)
            return RunWatcher(run, lock)
        }
        defer { watch?.finish() }
        try hangGuard.use(run, on: communicator)
        // mpirun would otherwise give all threads of a rank one core.
        let binding = threads > 1 ? " --bind-to none" : ""
        // Paths of the command and of the configuration are relative to the working directory.
        let resumeCommand =
            "cd \(shellWord(FileManager.default.currentDirectoryPath)) && mpirun -n \(communicator.size)\(binding) \(command)"
        let digest =
            try resumes
            ? nil
            : initialWeights.flatMap { file in
                try communicator.agree { communicator.isRoot ? try Checksum.sha256(ofFile: file) : nil }
            }
        let trainingRun = try TrainingLoop(
            assembly, on: communicator, in: run, console: console, fingerprints: assembly.fingerprints,
            initialWeights: digest,
            command: resumeCommand,
            stopPolicy: StopPolicy(times, savesOnUser1: savesOnUser1, watch: watch), resumes: resumes, from: checkpoint)
        if trainingRun.isComplete {
            warn(ofChanges: beginning.changes, console)
            try trainingRun.reprint()
            return .done
        }
        try communicator.agree {
            if communicator.isRoot, resumes { try writeDescription(assembly, environment) }
        }
        if let checkpoint { console.info("resuming from \(checkpoint.path)") }
        do {
            return try trainingRun.train()
        } catch {
            // If all ranks have the same error, the root reports it.
            guard watch?.lock.loss == nil else { throw error }
            if communicator.isRoot || !isEverywhere(error) { hangGuard.note(error, step: trainingRun.steps) }
            if communicator.isRoot {
                // The training's own error is the one to report.
                try? run.write(
                    outcome: Outcome(state: .failed, step: trainingRun.steps, reason: "\(error)", next: resumeCommand))
            }
            throw error
        }
    }

    private func isEverywhere(_ error: any Error) -> Bool {
        error is AgreedFailure || (error as? CommandError)?.isEverywhere ?? false
    }

    /// What the root found in the run folder.
    private struct Beginning {
        /// nil for a new run.
        var checkpoint: Checkpoint?
        var vacancy: RunLock.Vacancy?
        /// Changes relative to the checkpoint's configuration, a clause each.
        var changes: [String] = []
    }

    /// Inspects the run folder at the root, without changing it.
    private func lookAtFolder(_ console: Console) throws -> Beginning {
        try run.requireOwn(reading: file)
        try run.requireWritable()
        let vacancy = try RunLock.waitUntilFree(run) { console.warning($0) }
        return Beginning(checkpoint: try checkpointToGoOnFrom(console), vacancy: vacancy)
    }

    private func checkpointToGoOnFrom(_ console: Console) throws -> Checkpoint? {
        if overwrites { return nil }
        switch resume {
        case .never:
            guard try !run.isUsed else {
                throw CommandError.usage(
                    "\(run.path): the run folder is already in use and --resume never was given; use --overwrite to "
                        + "empty it, another --run, or --resume auto to continue")
            }
            return nil
        case .auto:
            let (checkpoint, damaged) = try run.newestCheckpoint()
            for message in damaged { console.warning(message) }
            guard checkpoint != nil || damaged.isEmpty else {
                throw CommandError.usage(
                    "\(run.path): no checkpoint of this run is usable; use --overwrite to start over, or another --run"
                )
            }
            return checkpoint
        case .from(let path):
            let checkpoint = try RunDirectory.resolve(path)
            try checkpoint.verify()
            try requireSameRun(checkpoint)
            return checkpoint
        }
    }

    /// Throws if the run folder holds another run than this checkpoint's: the two would be mixed. A run that started
    /// from this checkpoint, and has none of its own yet, may start from it again.
    private func requireSameRun(_ checkpoint: Checkpoint) throws {
        guard try run.isUsed, !checkpoint.belongs(to: run) else { return }
        let began = run.readEnvironment()?[Self.resumedFrom]?.stringValue
        if try run.checkpointSteps().isEmpty, began == absolute(checkpoint.path) { return }
        throw CommandError.usage(
            "\(run.path): the run folder holds another run than that of \(checkpoint.path); use a checkpoint of this run, "
                + "--resume auto to continue it, or another --run")
    }

    private static let resumedFrom = "resumed_from"

    private func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

    /// Locks and prepares the run folder.
    private func prepareFolder(
        _ assembly: TrainerBuilder, _ environment: JSONValue, _ beginning: Beginning, _ console: Console
    ) throws -> RunLock {
        try run.makeFolder()
        let lock = try RunLock.take(run, host: Job.hostName, job: Scheduler.currentJobID, after: beginning.vacancy) {
            console.warning($0)
        }
        do {
            try prepareHeldFolder(assembly, environment, beginning.checkpoint, console)
        } catch {
            lock.release()
            throw error
        }
        return lock
    }

    private func prepareHeldFolder(
        _ assembly: TrainerBuilder, _ environment: JSONValue, _ checkpoint: Checkpoint?, _ console: Console
    ) throws {
        if overwrites { try run.empty() }
        try run.prepare()
        try run.removeStopRequest()
        if case .auto = resume, !overwrites, let newest = try run.checkpointSteps().last,
            newest > checkpoint?.state.step ?? -1, try run.newestCheckpoint().checkpoint?.state.step == newest
        {
            throw CommandError.usage(
                "\(run.path): another job has written the checkpoint of step \(newest) meanwhile; run the same "
                    + "command again to resume from there")
        }
        try checkDiskSpace(for: assembly.trainer)
        try run.forgetFailure()
        if case .from = resume, let checkpoint {
            let step = checkpoint.state.step
            let best = run.bestStep
            let removed = try CheckpointWriter(run: run).discard(after: step)
            if !removed.isEmpty {
                let steps = removed.map { "\($0)" + ($0 == best ? " (the best)" : "") }.joined(separator: ", ")
                console.warning(
                    "\(run.path): going back to step \(step) of this run; removed the "
                        + (removed.count > 1 ? "checkpoints of steps \(steps)" : "checkpoint of step \(steps)"))
            }
        }
        if let checkpoint {
            try CheckpointWriter(run: run).mendLinks(
                goingOnFrom: checkpoint, best: checkpoint.state.extra["best_step"]?.integerValue)
        }
        // A complete run keeps the description of its training.
        if checkpoint == nil || !run.hasEnvironment { try writeDescription(assembly, environment) }
    }

    /// environment.json comes first: it proves that config.yaml was written by this program.
    private func writeDescription(_ assembly: TrainerBuilder, _ environment: JSONValue) throws {
        try run.write(environment: environment)
        try run.write(config: assembly.configuration.yaml)
    }

    /// Warns that changes have no effect on a complete run, whose results are only printed again.
    private func warn(ofChanges changes: [String], _ console: Console) {
        let changes = changes.filter { !$0.hasPrefix("data.test ") }
        guard !changes.isEmpty else { return }
        console.warning(
            "\(run.path) is complete, and was trained with another configuration: \(changes.joined(separator: "; ")). Nothing will be "
                + "trained; use another --run to train with this one.")
    }

    /// - Throws: a `CommandError` if not even one checkpoint fits on the disk.
    private func checkDiskSpace(for trainer: Trainer) throws {
        let needed = Double(
            trainer.memory.parameters.count * (1 + trainer.optimizer.slots.count) * MemoryLayout<Float>.stride)
        guard let free = DiskSpace.free(at: run.checkpointsPath), free < needed else { return }
        throw CommandError.failure(
            "\(run.path): not enough disk space: \(byteCount(free)) free, a checkpoint needs \(byteCount(needed)); free "
                + "some, or use --run on another disk")
    }

    private func describe(_ assembly: TrainerBuilder, on communicator: Communicator, _ console: Console) {
        let sizes = assembly.trainer.network.configuration
        let ranks = counted(communicator.size, "rank") + (threads > 1 ? " of \(counted(threads, "thread"))" : "")
        console.info(
            "\(assembly.configuration.text("task")): \(sizes.description), "
                + "\(grouped(sizes.layout.parameterCount)) parameters, batch \(assembly.options.batch) on \(ranks), "
                + "\(grouped(assembly.trainer.totalSteps)) steps (\(grouped(assembly.trainer.stepsPerEpoch)) an epoch)")
        for note in assembly.data.notes { console.info(note) }
        if let refusal = assembly.trainer.memory.refusal {
            let way = assembly.options.sumsByTree ? assembly.trainer.memory.messages : "plain MPI_Allreduce"
            console.info("averaging: \(way), since the ranks can't share memory: \(refusal)")
        }
    }
}
