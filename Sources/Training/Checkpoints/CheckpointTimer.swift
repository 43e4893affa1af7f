import Glibc
import System

/// Determines when the root requests a checkpoint by the clock.
package struct CheckpointTimer {
    private let interval: TrainingConfiguration.CheckpointInterval
    private var last = secondsNow()
    /// The cost of a checkpoint for training, measured at the last one; an estimate until then: the seconds that
    /// training waits for the copy (and for a previous save that has not ended), and the CPU seconds of the writer,
    /// which may run on training's own core. The time until everything is on disk does not count: training continues
    /// meanwhile, and the formula weighs lost training against lost training.
    private var cost = 0.2

    package init(_ interval: TrainingConfiguration.CheckpointInterval) { self.interval = interval }

    /// Whether a checkpoint is due by the clock; never for intervals in steps.
    package var isDue: Bool { secondsLeft <= 0 }

    /// Seconds until a checkpoint is due; infinite for intervals in steps.
    package var secondsLeft: Double {
        switch interval {
        case .steps: .infinity
        case .minutes(let minutes): 60 * minutes - (secondsNow() - last)
        case .auto: Self.interval(forCost: cost) - (secondsNow() - last)
        }
    }

    /// Records that a checkpoint has begun.
    package mutating func restart() { last = secondsNow() }

    /// Records the cost of a checkpoint.
    package mutating func note(cost seconds: Double) { cost = seconds }

    /// max(100 C, √(2 C · 24 h)) for a cost of C, limited to 30 minutes: at most 1 % of the time, and Young's (1974)
    /// optimum for one failure a day.
    package static func interval(forCost seconds: Double) -> Double {
        min(30 * 60, max(100 * seconds, (2 * seconds * 24 * 3600).squareRoot()))
    }
}
