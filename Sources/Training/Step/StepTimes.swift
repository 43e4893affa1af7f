package import Reduction
import System

/// A clock of the parts of a step.
struct StepClock {
    private var last = secondsNow()

    /// The seconds since the last call.
    mutating func lap() -> Double {
        let now = secondsNow()
        defer { last = now }
        return now - last
    }
}

/// Accumulates a rank's times between its reports.
struct StepTimes {
    private var steps = 0.0
    private var sums = RankReport()

    mutating func note(computing: Double) {
        steps += 1
        sums.computing += computing
        sums.longest = max(sums.longest, computing)
    }

    /// Returns the report of the steps since the last call, and resets it.
    mutating func take() -> RankReport {
        defer { self = StepTimes() }
        var report = sums
        report.computing /= max(steps, 1)
        return report
    }
}

/// The imbalance of the ranks' times: slowest, median and fastest by mean compute time.
package struct Stragglers: Sendable {
    package let slowest: (rank: Int, seconds: Double)
    package let median: Double
    package let fastest: (rank: Int, seconds: Double)
    /// The longest step of the slowest rank.
    package let longest: Double

    /// nil for one rank.
    package init?(_ reports: [RankReport]) {
        guard reports.count > 1 else { return nil }
        let order = reports.indices.sorted { reports[$0].computing < reports[$1].computing }
        fastest = (order[0], reports[order[0]].computing)
        let last = order[order.count - 1]
        slowest = (last, reports[last].computing)
        longest = reports[last].longest
        median = reports[order[(order.count - 1) / 2]].computing
    }

    /// Whether the imbalance is worth a line: the slowest rank takes more than 25 % and more than a millisecond longer
    /// than the median.
    package var differ: Bool { slowest.seconds > 1.25 * median && slowest.seconds - median > 1e-3 }
}
