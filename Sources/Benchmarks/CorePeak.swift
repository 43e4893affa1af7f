import Kernels
import System

/// The peak of the core that the caller runs on.
enum CorePeak {
    /// Floating-point operations per second of one run of the peak loop, about 0.1 ms, so short that some runs are
    /// undisturbed. Other load only lowers it: the best of several counts.
    ///
    /// - Parameter trial: the number of the run.
    static func measureOnce(_ trial: Int) -> Double {
        let rounds = 100_000
        let start = secondsNow()
        let result = PeakLoop.run(rounds: rounds, seed: Float(trial % 1000 + 1))
        let seconds = secondsNow() - start
        return result.isFinite ? PeakLoop.operations(rounds: rounds) / seconds : 0
    }

    /// The best of many runs.
    static func measure() -> Double { (0..<100).map(measureOnce).max() ?? 0 }
}
