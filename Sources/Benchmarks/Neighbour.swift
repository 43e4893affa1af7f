import Kernels
import System

/// Whether a core's other hardware thread was busy while something was timed on it.
///
/// The instructions per clock cycle of `CoreProbe.issue` are measured before and after each timed step; a step is quiet
/// if both are close to those of an undisturbed core: of the CPU family if they have been measured, else the highest of
/// this run, which is wrong if the neighbour never rested. The cycles are measured beside it, because the clock slows
/// down under vector instructions.
package struct Neighbour {
    /// At least this fraction of an undisturbed core's instructions per cycle is quiet. With a busy neighbour, 0.4 to 0.7
    /// were measured (Intel Emerald Rapids), without one 0.95 to 1.
    package static let quiet = 0.85

    /// Instructions per cycle, in the order of measurement.
    private var rates: [Double] = []
    /// An undisturbed core's, if this CPU family was measured.
    private let familysRate: Double?
    /// The highest of `rates`, or the family's.
    private var undisturbed: Double

    package init() { self.init(familysRate: CPUFamily.current.instructionsPerCycle) }

    package init(familysRate: Double?) {
        self.familysRate = familysRate
        undisturbed = familysRate ?? 0
    }

    /// Measures now; takes a few microseconds.
    package mutating func probe() {
        let start = secondsNow()
        CoreProbe.issue()
        let middle = secondsNow()
        CoreProbe.wait()
        let end = secondsNow()
        let ratio = (end - middle) / (middle - start) * Double(CoreProbe.instructions) / Double(CoreProbe.cycles)
        record(instructionsPerCycle: ratio)
    }

    /// Counts a measurement. If the second loop was interrupted, its rate is more than any core has, and the core counts
    /// as disturbed.
    package mutating func record(instructionsPerCycle ratio: Double) {
        let isPossible = ratio <= (familysRate.map { 1.2 * $0 } ?? Self.highest)
        rates.append(isPossible ? ratio : 0)
        if familysRate == nil, isPossible { undisturbed = max(undisturbed, ratio) }
    }

    /// More instructions per cycle than any core issues.
    private static let highest = 16.0

    /// The share of the last probes that were quiet.
    package func quietShare(last count: Int) -> Double {
        let limit = Self.quiet * undisturbed
        return Double(rates.suffix(count).count { $0 >= limit }) / Double(max(count, 1))
    }

    /// For each of the last intervals between two probes, whether both were quiet.
    package func quietIntervals(last count: Int) -> [Bool] {
        let limit = Self.quiet * undisturbed
        let isQuiet = rates.suffix(count + 1).map { $0 >= limit }
        return zip(isQuiet, isQuiet.dropFirst()).map { $0 && $1 }
    }
}
