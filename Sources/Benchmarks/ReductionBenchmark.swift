package import ConfigFile
package import FileFormats
package import MPI
import Recurrent
import Reduction
import Sequences
import System
import Training

/// Measures steps with `communication.reduction: reproducible` against steps with `fast`, in turns: a pair is complete
/// before the speed of a shared machine changes.
package struct ReductionBenchmark {
    private let text: (String) throws -> Configuration
    private let communicator: Communicator
    private let threads: Int

    package struct Result: Sendable {
        package let ranks: Int
        /// Seconds of each step.
        package let fast: Spread
        package let reproducible: Spread
        /// For each pair, reproducible divided by fast.
        package let ratios: Spread
        package var pairs: Int { ratios.values.count }
        /// The ratio of the lower quartiles: other load on the machine only ever adds time.
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

    /// - Parameter configuration: returns the configuration with the given reduction.
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
        let hosts = try Hosts(communicator)
        var trainers = try [fast, reproducible].map { configuration in
            let benchmark = StepBenchmark(configuration, on: communicator, threads: threads)
            return try benchmark.trainer(hosts, skew: 6)
        }
        func time(_ number: Int) throws -> Double { try trainers[number].timedStep() }
        _ = try (time(0), time(1))
        let once = try time(0) + time(1)
        var times: [[Double]] = [[], []]
        for pair in 0..<max(5, min(1000, Int(seconds / once))) {
            // The order alternates, so that the cache contents left by one favour neither.
            for number in pair.isMultiple(of: 2) ? [0, 1] : [1, 0] { times[number].append(try time(number)) }
        }
        for trainer in trainers { try trainer.memory.free() }
        try hosts.free()
        return Result(
            ranks: communicator.size, fast: Spread(times[0]), reproducible: Spread(times[1]),
            ratios: Spread(zip(times[0], times[1]).map { $1 / $0 }))
    }
}
