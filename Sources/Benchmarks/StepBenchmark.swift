package import ConfigFile
package import FileFormats
import Kernels
package import MPI
import Optimization
import Recurrent
import Reduction
import Sequences
import System
import Tensors
import Training

/// Times whole training steps, the same `Trainer.step` that training calls, on random tokens.
package struct StepBenchmark {
    private let configuration: Configuration
    private let communicator: Communicator
    private let threads: Int

    /// The figures of a measurement, for the slowest rank where ranks differ.
    package struct Result: Sendable {
        package let ranks: Int
        /// Of each rank.
        package let threads: Int
        package let steps: Int
        package let stepSeconds: Double
        package let fastestSeconds: Double
        package let slowestSeconds: Double
        package let tokensPerSecond: Double
        /// Floating-point operations a second, by the nominal count (`NetworkConfiguration.flopsPerToken`).
        package let flopsPerRank: Double
        /// Nominal operations, less what was left out because tokens share their row of the input.
        package let executedFlopsPerRank: Double
        /// Of one core, in the same run.
        package let peakFlops: Double
        package let split: StepSplit
        /// The share of the peak of its threads' cores that a rank reaches.
        package var ofPeak: Double { flopsPerRank / (peakFlops * Double(threads)) }

        package var json: JSONValue {
            [
                "ranks": .integer(ranks), "threads_per_rank": .integer(threads), "steps": .integer(steps),
                "step_ms": .number(1e3 * stepSeconds),
                "step_ms_min": .number(1e3 * fastestSeconds), "step_ms_max": .number(1e3 * slowestSeconds),
                "tokens_per_second": .number(tokensPerSecond), "gflops_per_rank": .number(flopsPerRank / 1e9),
                "executed_gflops_per_rank": .number(executedFlopsPerRank / 1e9),
                "fma_peak_gflops": .number(peakFlops / 1e9), "of_peak": .number(ofPeak),
                "compute_fraction": .number(split.compute), "averaging_fraction": .number(split.averaging),
                "waiting_fraction": .number(split.waiting), "update_fraction": .number(split.update),
            ]
        }
    }

    /// - Parameter threads: that each rank computes with.
    /// - Throws: a `CommandError` for a task without tokens.
    package init(_ configuration: Configuration, on communicator: Communicator, threads: Int = 1) throws {
        try Self.check(configuration)
        self.threads = threads
        self.configuration = configuration
        self.communicator = communicator
    }

    /// - Throws: a `CommandError`, the same on every rank, for a task without tokens.
    package static func check(_ configuration: Configuration) throws {
        guard configuration.text("task") == LanguageModel.name else {
            throw CommandError.usage(
                "bench: task is \(configuration.text("task")); accepted: a configuration of task "
                    + LanguageModel.name
            ).everywhere
        }
    }

    /// Measures for about `seconds`, at least 5 steps after 2 of warm-up. Collective.
    package func run(seconds: Double) throws -> Result {
        let options = TrainingConfiguration(configuration)
        let window = configuration.integer("training.window")
        let hosts = try Hosts(communicator)
        var trainer = try trainer(hosts)
        let sizes = trainer.network.configuration

        let peakBefore = Self.measurePeak(trainer.team)
        _ = try trainer.step()
        let once = secondsNow()
        _ = try trainer.step()
        let estimate = try communicator.allreduce(secondsNow() - once, .maximum)
        let steps = max(5, min(1000, Int(seconds / estimate)))
        var times: [Double] = []
        var summaries: [Trainer.StepSummary] = []
        try communicator.barrier()
        for _ in 0..<steps {
            let start = secondsNow()
            summaries.append(try trainer.step())
            times.append(secondsNow() - start)
        }
        // A core that something else disturbs shows less than its peak: the better of two times counts.
        let peak = try communicator.allreduce(max(peakBefore, Self.measurePeak(trainer.team)), .minimum)
        try trainer.memory.free()
        try hosts.free()
        return try result(times, summaries, sizes, tokens: Double(options.batch * window), peak: peak)
    }

    /// A trainer on random tokens, with memory of its own. Collective.
    func trainer(_ hosts: Hosts, skew: Int = 1) throws -> Trainer {
        let vocabulary = try communicator.agree { try vocabularySize }
        return try Trainer(
            communicator, hosts, configuration, task: LanguageModel(vocabularySize: vocabulary),
            source: RandomTokens(
                vocabulary: vocabulary, streams: TrainingConfiguration(configuration).batch,
                window: configuration.integer("training.window"), skew: skew), threads: threads)
    }

    private func result(
        _ times: [Double], _ summaries: [Trainer.StepSummary], _ sizes: NetworkConfiguration, tokens: Double,
        peak: Double
    ) throws -> Result {
        let median = try communicator.allreduce(Spread(times).median, .maximum)
        let flops = tokens * sizes.flopsPerToken
        let rows = Double(summaries.map(\.inputRows).reduce(0, +)) / Double(summaries.count)
        let left = try tokens - communicator.allreduce(rows, .sum)
        return Result(
            ranks: communicator.size, threads: threads, steps: times.count, stepSeconds: median,
            fastestSeconds: try communicator.allreduce(times.min() ?? 0, .minimum),
            slowestSeconds: try communicator.allreduce(times.max() ?? 0, .maximum), tokensPerSecond: tokens / median,
            flopsPerRank: flops / median / Double(communicator.size),
            executedFlopsPerRank: (flops - left * sizes.flopsOfInputPerToken) / median / Double(communicator.size),
            peakFlops: peak,
            split: try StepSplit(summaries, seconds: times, on: communicator))
    }

    /// Of the data if it is there; else as many as the tokenizer would have: 256 bytes, 65 characters, data.vocabulary words.
    private var vocabularySize: Int {
        get throws {
            var request = TrainingConfiguration(configuration).dataRequest
            request.splits = []
            if let data = try? TaskTable.load(configuration, request), let vocabulary = data.vocabulary {
                return vocabulary.count
            }
            switch configuration.text("data.tokenizer") {
            case "byte": return 256
            case "character": return 65
            default:
                guard case .integer(let size)? = configuration.value("data.vocabulary") else { return 10000 }
                return size
            }
        }
    }

    /// Of the slowest thread's core, when all are at it.
    private static func measurePeak(_ team: ThreadTeam) -> Double {
        team.map { _ in measurePeak() }.min() ?? 0
    }

    /// The best of several short runs of the peak loop.
    static func measurePeak() -> Double {
        let rounds = 2_000_000
        var best = 0.0
        for trial in 0..<5 {
            let start = secondsNow()
            let result = PeakLoop.run(rounds: rounds, seed: Float(trial + 1))
            let seconds = secondsNow() - start
            if result.isFinite { best = max(best, PeakLoop.operations(rounds: rounds) / seconds) }
        }
        return best
    }
}
