import Glibc
import System

/// When the root requests a checkpoint by the clock.
package struct CheckpointTimer {
    private let interval: TrainingConfiguration.CheckpointInterval
    private var last = secondsNow()
    /// What a checkpoint costs the training, measured at the last one; a guess until then: the seconds that it waits for the
    /// copy (and for a write before that hasn't ended), and those that the writer takes of a core, which may be the
    /// training's own. Not the seconds until all is on the disk: training goes on meanwhile, and the formula weighs lost
    /// training against lost training.
    private var cost = 0.2

    package init(_ interval: TrainingConfiguration.CheckpointInterval) { self.interval = interval }

    /// Whether the clock asks for one now. Intervals in steps are no matter of the clock.
    package var isDue: Bool { secondsLeft <= 0 }

    /// Until the clock asks for one; infinite for intervals in steps.
    package var secondsLeft: Double {
        switch interval {
        case .steps: .infinity
        case .minutes(let minutes): 60 * minutes - (secondsNow() - last)
        case .auto: Self.interval(forCost: cost) - (secondsNow() - last)
        }
    }

    /// Takes note that one is begun.
    package mutating func restart() { last = secondsNow() }

    /// Takes note of what it has cost.
    package mutating func note(cost seconds: Double) { cost = seconds }

    /// max(100 C, √(2 C · 24 h)), at most 30 minutes: at most 1 % of the time, and Young's (1974) optimum for one failure
    /// a day.
    package static func interval(forCost seconds: Double) -> Double {
        min(30 * 60, max(100 * seconds, (2 * seconds * 24 * 3600).squareRoot()))
    }
}
