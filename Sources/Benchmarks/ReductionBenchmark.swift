package import ConfigFile
package import FileFormats
package import MPI
import Recurrent
import Reduction
import Sequences
import System
import Training

/// Times steps with `communication.reduction: reproducible` against steps with `fast`, by turns: a pair is over before a machine
/// that others use has changed its pace.
package struct ReductionBenchmark {
    private let text: (String) throws -> Configuration
    private let communicator: Communicator
    private let threads: Int

    package struct Result: Sendable {
        package let ranks: Int
        /// Of each step, in seconds.
        package let fast: Spread
        package let reproducible: Spread
        /// Of each pair, the second over the first.
        package let ratios: Spread
        package var pairs: Int { ratios.values.count }
        /// Of the fastest quarter's slowest step: what else runs on the machine only ever adds time.
        package var ratioOfLowerQuartiles: Double { reproducible.quartiles.lower / fast.quartiles.lower }

        package var json: JSONValue {
            [
                "ranks": .integer(ranks), "pairs": .integer(pairs), "fast_step_ms": .number(1e3 * fast.median),
                "reproducible_step_ms": .number(1e3 * reproducible.median),
                "reproducible_over_fast": .number(ratios.median),
                "reproducible_over_fast_quartiles": .array([
                    .number(ratios.quartiles.lower), .number(ratios.quartiles.upper),
                ]),
                "ratio_of_lower_quartiles": .number(ratioOfLowerQuartiles),
            ]
        }
    }

    /// - Parameter configuration: with that reduction.
    package init(
        on communicator: Communicator, threads: Int,
        _ configuration: @escaping (_ reduction: String) throws -> Configuration
    ) {
        text = configuration
        self.communicator = communicator
        self.threads = threads
    }

    /// Measures for about `seconds`, at least 5 pairs after 2 of warm-up. Collective.
    package func run(seconds: Double) throws -> Result {
        let (fast, reproducible) = try communicator.agree { (try text("fast"), try text("reproducible")) }
        try StepBenchmark.check(fast)
        let hosts = try Hosts(communicator)
        var trainers = try [fast, reproducible].map { configuration in
            let benchmark = try StepBenchmark(configuration, on: communicator, threads: threads)
            return try benchmark.trainer(hosts, skew: 6)
        }
        func time(_ number: Int) throws -> Double { try trainers[number].timedStep() }
        _ = try (time(0), time(1))
        let once = try time(0) + time(1)
        var times: [[Double]] = [[], []]
        for pair in 0..<max(5, min(1000, Int(seconds / once))) {
            // Who comes first changes, so that what one leaves in the caches is no one's advantage.
            for number in pair.isMultiple(of: 2) ? [0, 1] : [1, 0] { times[number].append(try time(number)) }
        }
        for trainer in trainers { try trainer.memory.free() }
        try hosts.free()
        return Result(
            ranks: communicator.size, fast: Spread(times[0]), reproducible: Spread(times[1]),
            ratios: Spread(zip(times[0], times[1]).map { $1 / $0 }))
    }
}
