package import Reduction
import System

/// Gathers a rank's times between its reports.
struct StepTimes {
    private var steps = 0.0
    private var sums = RankReport()

    mutating func note(computing: Double) {
        steps += 1
        sums.computing += computing
        sums.longest = max(sums.longest, computing)
    }

    /// What has come together since the last call.
    mutating func take() -> RankReport {
        defer { self = StepTimes() }
        var report = sums
        report.computing /= max(steps, 1)
        return report
    }
}

/// How far the ranks' times are apart: slowest, median and fastest by their mean time in computing.
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

    /// Worth a line: the slowest takes a quarter longer than the median, and more than a millisecond.
    package var differ: Bool { slowest.seconds > 1.25 * median && slowest.seconds - median > 1e-3 }
}
