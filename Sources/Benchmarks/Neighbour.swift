import Kernels
import System

/// Whether a core's other hardware thread was busy while something was timed on it.
///
/// The rate of `CoreProbe.issue` is measured before and after each timed step; a step is quiet if both rates are close
/// to the rate of an undisturbed core: that of the CPU family if it has been measured, else the highest of this run,
/// which is wrong if the neighbour never rested.
package struct Neighbour {
    /// Rates at least this fraction of the undisturbed rate are quiet. With a busy neighbour, 0.4 to 0.7 were measured
    /// (Intel Emerald Rapids), without one 0.94 to 1.
    package static let quiet = 0.85

    /// Instructions per nanosecond, in the order of measurement.
    private var rates: [Double] = []
    private var fastest = 0.0
    /// The rate of an undisturbed core of this CPU family at its current clock; 0 if unknown.
    private let familyRate: Double

    package init() {
        guard let perCycle = CPUFamily.current.instructionsPerCycle else {
            familyRate = 0
            return
        }
        // The highest of several: an interruption makes a measurement slower, nothing makes it faster.
        let clock = (1...20).map { trial in
            let start = secondsNow()
            let result = CoreProbe.wait(seed: UInt(trial))
            let seconds = secondsNow() - start
            return result == 0 ? 0 : Double(CoreProbe.cycles) / seconds * 1e-9
        }
        familyRate = perCycle * (clock.max() ?? 0)
    }

    /// Measures the rate now; takes a few microseconds.
    package mutating func probe() {
        let start = secondsNow()
        CoreProbe.issue()
        let rate = Double(CoreProbe.instructions) / (secondsNow() - start) * 1e-9
        rates.append(rate)
        fastest = max(fastest, rate)
    }

    /// The rate of an undisturbed core.
    private var undisturbed: Double { max(familyRate, fastest) }

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
