package import ConfigFile
package import FileFormats
package import MPI
import Optimization
import Recurrent
import Reduction
import Sequences
import System
import Tensors
import Training

/// Measures whole training steps, by the same `Trainer.step` that training calls, on data that needs no files
/// (`loadForBenchmark`).
package struct StepBenchmark {
    private let configuration: Configuration
    private let communicator: Communicator
    private let threads: Int

    /// The results of a measurement; those of the slowest rank if ranks differ.
    package struct Result: Sendable {
        package let ranks: Int
        /// The number of threads of each rank.
        package let threads: Int
        package let steps: Int
        package let stepSeconds: Double
        package let fastestSeconds: Double
        package let slowestSeconds: Double
        /// Steps during which no rank's core was shared with another hardware thread (`Neighbour`).
        package let quietSteps: Int
        /// The median of the quiet steps; nil if there was none.
        package let quietSeconds: Double?
        package let tokensPerSecond: Double
        /// Floating-point operations per second, by the nominal count (`NetworkConfiguration.flopsPerToken`).
        package let flopsPerRank: Double
        /// Nominal operations minus those that were saved because equal tokens share a row of the input.
        package let executedFlopsPerRank: Double
        /// The peak of one core, measured in the same run.
        package let peakFlops: Double
        package let split: StepSplit
        /// The fraction of its threads' peak that a rank reaches in quiet steps; nil if there was none.
        package var ofPeak: Double? {
            quietSeconds.map { flopsPerRank * stepSeconds / $0 / (peakFlops * Double(threads)) }
        }

        package var json: JSONValue {
            func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
            return [
                "ranks": .integer(ranks), "threads_per_rank": .integer(threads), "steps": .integer(steps),
                "step_ms": .number(1e3 * stepSeconds),
                "step_ms_min": .number(1e3 * fastestSeconds), "step_ms_max": .number(1e3 * slowestSeconds),
                "quiet_steps": .integer(quietSteps), "quiet_step_ms": number(quietSeconds.map { 1e3 * $0 }),
                "tokens_per_second": .number(tokensPerSecond), "gflops_per_rank": .number(flopsPerRank / 1e9),
                "executed_gflops_per_rank": .number(executedFlopsPerRank / 1e9),
                "fma_peak_gflops": .number(peakFlops / 1e9), "of_peak": number(ofPeak),
                "compute_fraction": .number(split.compute), "averaging_fraction": .number(split.averaging),
                "waiting_fraction": .number(split.waiting), "update_fraction": .number(split.update),
            ]
        }
    }

    /// - Parameter threads: the number of threads of each rank.
    package init(_ configuration: Configuration, on communicator: Communicator, threads: Int = 1) {
        self.threads = threads
        self.configuration = configuration
        self.communicator = communicator
    }

    /// Measures for about `seconds`, at least 5 steps after 2 of warm-up. Collective.
    package func run(seconds: Double) throws -> Result {
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
        var neighbour = Neighbour()
        try communicator.barrier()
        neighbour.probe()
        for _ in 0..<steps {
            let start = secondsNow()
            summaries.append(try trainer.step())
            times.append(secondsNow() - start)
            neighbour.probe()
        }
        // Other load on a core lowers its measured peak: the better of two measurements counts.
        let peak = try communicator.allreduce(max(peakBefore, Self.measurePeak(trainer.team)), .minimum)
        try trainer.memory.free()
        try hosts.free()
        return try result(times, summaries, sizes, peak: peak, quiet: neighbour.quietIntervals(last: steps))
    }

    /// A trainer on data that needs no files, with its own memory. Collective.
    func trainer(_ hosts: Hosts, skew: Int = 1) throws -> Trainer {
        let data = try communicator.agree {
            try TaskTable.loadForBenchmark(
                configuration, TrainingConfiguration(configuration).dataRequest, skew: skew)
        }
        guard let source = data.training else { preconditionFailure("training data was requested") }
        return try Trainer(communicator, hosts, configuration, task: data.task, source: source, threads: threads)
    }

    private func result(
        _ times: [Double], _ summaries: [Trainer.StepSummary], _ sizes: NetworkConfiguration,
        peak: Double, quiet: [Bool]
    ) throws -> Result {
        // Sequences of generated tasks differ in length: the mean step counts.
        let tokens = Double(summaries.map(\.tokens).reduce(0, +)) / Double(summaries.count)
        let median = try communicator.allreduce(Spread(times).median, .maximum)
        // A step is as slow as its slowest rank, so it is quiet only if it was quiet on all ranks.
        let quietOnAll = try communicator.allreduce(quiet.map { $0 ? 1.0 : 0 }, .minimum)
        let quietTimes = zip(times, quietOnAll).filter { $0.1 == 1 }.map(\.0)
        let quietMedian = try communicator.allreduce(quietTimes.isEmpty ? 0 : Spread(quietTimes).median, .maximum)
        let flops = tokens * sizes.flopsPerToken
        let rows = Double(summaries.map(\.inputRows).reduce(0, +)) / Double(summaries.count)
        let saved = try max(0, tokens - communicator.allreduce(rows, .sum))
        return Result(
            ranks: communicator.size, threads: threads, steps: times.count, stepSeconds: median,
            fastestSeconds: try communicator.allreduce(times.min() ?? 0, .minimum),
            slowestSeconds: try communicator.allreduce(times.max() ?? 0, .maximum),
            quietSteps: quietTimes.count, quietSeconds: quietTimes.isEmpty ? nil : quietMedian,
            tokensPerSecond: tokens / median,
            flopsPerRank: flops / median / Double(communicator.size),
            executedFlopsPerRank: (flops - saved * sizes.flopsOfInputPerToken) / median / Double(communicator.size),
            peakFlops: peak,
            split: try StepSplit(summaries, seconds: times, on: communicator))
    }

    /// The peak of the slowest thread's core, with all threads running.
    private static func measurePeak(_ team: ThreadTeam) -> Double {
        team.map { _ in CorePeak.measure() }.min() ?? 0
    }
}
