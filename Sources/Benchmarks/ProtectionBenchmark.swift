package import ConfigFile
package import FileFormats
import Glibc
import JobControl
package import MPI
import Recurrent
import Reduction
import System
import Tensors
import Training

/// The cost of training's protections: checkpoints, the hang guard, the comparison of parameters, and the ranks' times
/// for the straggler line. Each is measured together with the same steps, and divided by the interval at which it
/// occurs.
package struct ProtectionBenchmark {
    private let configuration: Configuration
    private let communicator: Communicator
    private let threads: Int
    private var options: TrainingConfiguration { TrainingConfiguration(configuration) }

    /// Times in seconds, of the slowest rank.
    package struct Result: Sendable {
        package let ranks: Int
        package let plainSteps: Spread
        package var stepSeconds: Double { plainSteps.median }
        /// For each checkpoint: the additional time of the steps during which it was begun and written.
        package let checkpoints: Spread
        /// The time that training waited; the time of the writer's thread; and its CPU time.
        package let waited: Double
        package let written: Double
        package let writtenOnCore: Double
        /// The interval between two checkpoints, as set by `checkpoint.every` or its alternatives.
        package let checkpointInterval: Double
        /// The share of a core that the threads of an idle rank use: those of the hang guard and of MPI.
        package let idleShare: Double
        /// The number of marked calls in a step, and the cost of a mark.
        package let calls: Double
        package let mark: Double
        /// The time to hash a rank's parameters, whether or not the ranks share them.
        package let hash: Double
        package let verifyInterval: Int
        /// The additional time of a step's sums with the ranks' reports.
        package let report: Double
        package let loggingInterval: Int

        package var checkpointShare: Double { checkpoints.median / checkpointInterval }
        package var guardShare: Double { ranks > 1 ? idleShare + calls * mark / stepSeconds : 0 }
        package var verificationShare: Double {
            ranks > 1 ? hash / (Double(verifyInterval) * stepSeconds) : 0
        }
        package var reportShare: Double { ranks > 1 ? report / (Double(loggingInterval) * stepSeconds) : 0 }
        package var share: Double { checkpointShare + guardShare + verificationShare + reportShare }

        package var json: JSONValue {
            [
                "ranks": .integer(ranks), "step_ms": .number(1e3 * stepSeconds),
                "checkpoint_ms": .number(1e3 * checkpoints.median),
                "checkpoint_ms_quartiles": .array([
                    .number(1e3 * checkpoints.quartiles.lower), .number(1e3 * checkpoints.quartiles.upper),
                ]),
                "checkpoints": .integer(checkpoints.values.count),
                "checkpoint_waited_ms": .number(1e3 * waited), "checkpoint_written_ms": .number(1e3 * written),
                "checkpoint_core_ms": .number(1e3 * writtenOnCore),
                "checkpoint_interval_seconds": .number(checkpointInterval),
                "checkpoint_share": .number(checkpointShare),
                "idle_core_share": .number(idleShare), "calls_per_step": .number(calls),
                "mark_ns": .number(1e9 * mark), "guard_share": .number(guardShare),
                "hash_ms": .number(1e3 * hash), "verify_every_steps": .integer(verifyInterval),
                "verification_share": .number(verificationShare),
                "report_us": .number(1e6 * report), "logging_every_steps": .integer(loggingInterval),
                "report_share": .number(reportShare), "share": .number(share),
            ]
        }
    }

    /// - Throws: a `CommandError` if the task has no tokens.
    package init(_ configuration: Configuration, on communicator: Communicator, threads: Int) throws {
        self.configuration = configuration
        self.communicator = communicator
        self.threads = threads
    }

    /// Measures for about `seconds`, at least 3 checkpoints. Collective.
    ///
    /// - Parameter folder: the folder for the checkpoints; must not exist; it exists afterwards.
    package func run(seconds: Double, in folder: String) throws -> Result {
        let hosts = try Hosts(communicator)
        var trainer = try StepBenchmark(configuration, on: communicator, threads: threads).trainer(hosts)
        let trial = try CheckpointTrial(in: folder, for: trainer)
        for _ in 0..<2 { _ = try trainer.timedStep() }
        _ = try checkpoint(trial, &trainer)  // warm-up: creates files and pages
        let once = try trainer.timedStep()

        var plain: [Double] = []
        var checkpoints: [Checkpoint] = []
        let (calls, steps) = (Job.page.sample.calls, trainer.steps)
        let callsOfTiming = 2.0
        for _ in 0..<3 { plain.append(try trainer.timedStep()) }
        let marked = Double(Job.page.sample.calls - calls) / Double(trainer.steps - steps) - callsOfTiming
        for _ in 0..<max(3, min(100, Int(seconds / (6 * once)))) {
            checkpoints.append(try checkpoint(trial, &trainer))
            for _ in 0..<3 { plain.append(try trainer.timedStep()) }
        }
        let step = Spread(plain).median
        let waited = Spread(checkpoints.map(\.waited)).median
        let onCore = Spread(checkpoints.map(\.onCore)).median
        let hash = try hashSeconds(trainer)
        let result = Result(
            ranks: communicator.size, plainSteps: Spread(plain),
            checkpoints: Spread(checkpoints.map { $0.seconds - Double($0.steps) * step }), waited: waited,
            written: Spread(checkpoints.map(\.written)).median, writtenOnCore: onCore,
            checkpointInterval: interval(cost: waited + onCore, step: step), idleShare: try idleShare(),
            calls: marked, mark: try markSeconds(), hash: hash, verifyInterval: options.verifyInterval,
            report: try reportSeconds(), loggingInterval: options.loggingInterval)
        try trainer.memory.free()
        try hosts.free()
        return result
    }

    private func slowest(_ seconds: Double) throws -> Double { try communicator.allreduce(seconds, .maximum) }

    private struct Checkpoint {
        /// The time until the last of `steps` steps was done: those during which the checkpoint was written, and one
        /// more.
        var seconds: Double
        var steps: Int
        var waited: Double
        var written: Double
        var onCore: Double
    }

    private func checkpoint(_ trial: CheckpointTrial, _ trainer: inout Trainer) throws -> Checkpoint {
        try communicator.barrier()
        let start = secondsNow()
        try trial.begin(trainer)
        let waited = secondsNow() - start
        _ = try trainer.step()
        var sum = try slowest(secondsNow() - start)
        var steps = 1
        var isOver = false
        while !isOver {
            isOver = try communicator.broadcast(trial.isOver ? 1 : Int32(0), root: 0) == 1
            sum += try trainer.timedStep()
            steps += 1
        }
        let written = try communicator.agree { try trial.result() }
        return Checkpoint(
            seconds: sum, steps: steps, waited: try communicator.broadcast(waited, root: 0),
            written: try communicator.broadcast(written.seconds, root: 0),
            onCore: try communicator.broadcast(written.coreSeconds, root: 0))
    }

    private func interval(cost: Double, step: Double) -> Double {
        switch options.checkpointInterval {
        case .auto: CheckpointTimer.interval(forCost: cost)
        case .minutes(let minutes): 60 * minutes
        case .steps(let steps): Double(steps) * step
        }
    }

    /// CPU time of this process, on all its threads.
    private var coreSeconds: Double { seconds(on: CLOCK_PROCESS_CPUTIME_ID) }

    /// Measured while the computing threads sleep.
    private func idleShare() throws -> Double {
        usleep(100_000)
        let (start, used) = (secondsNow(), coreSeconds)
        usleep(2_000_000)
        return try slowest((coreSeconds - used) / (secondsNow() - start))
    }

    private func markSeconds() throws -> Double {
        let count = 1_000_000
        let start = secondsNow()
        for _ in 0..<count { Job.page.waiting(in: "nothing") {} }
        return try slowest((secondsNow() - start) / Double(count))
    }

    private func hashSeconds(_ trainer: Trainer) throws -> Double {
        let count = trainer.network.configuration.layout.count
        var sum: UInt64 = 0
        let times = (0..<5).map { _ in
            let start = secondsNow()
            sum ^= trainer.memory.parameters.hash(0..<count)
            return secondsNow() - start
        }
        precondition(sum < 1 << 52, "a hash is exact in a Double")
        return try slowest(Spread(times).median)
    }

    private func reportSeconds() throws -> Double {
        let usual = StepSums(
            communicator, sequences: [options.batch], requestCount: StepRequests.count, wantsErrors: false
        ).count
        let counts = [usual, usual + RankReport.count * communicator.size]
        var sums = [Double](repeating: 1, count: counts[1])
        var times: [[Double]] = [[], []]
        for round in 0..<400 {
            for number in round.isMultiple(of: 2) ? [0, 1] : [1, 0] {
                try communicator.barrier()
                let start = secondsNow()
                try sums.withUnsafeMutableBufferPointer {
                    try communicator.allreduce(UnsafeMutableBufferPointer(rebasing: $0[..<counts[number]]), .maximum)
                }
                times[number].append(secondsNow() - start)
            }
        }
        return try slowest(max(0, Spread(times[1]).median - Spread(times[0]).median))
    }
}
