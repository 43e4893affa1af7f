import Glibc

/// When the root wishes a checkpoint by the clock.
package struct CheckpointTimer {
    private let interval: Options.CheckpointInterval
    private var last = secondsNow()
    /// What a checkpoint costs, measured at the last one; a guess until then.
    private var cost = 0.2

    package init(_ interval: Options.CheckpointInterval) { self.interval = interval }

    /// Whether the clock asks for one now. Intervals in steps are no matter of the clock.
    package var isDue: Bool {
        switch interval {
        case .steps: false
        case .minutes(let minutes): secondsNow() - last >= 60 * minutes
        case .auto: secondsNow() - last >= Self.interval(forCost: cost)
        }
    }

    /// Takes note that one has been written, and of what it cost.
    package mutating func noteCheckpoint(seconds: Double) {
        last = secondsNow()
        cost = seconds
    }

    /// max(100 C, √(2 C · 24 h)), at most 30 minutes: at most 1 % of the time, and Young's (1974) optimum for one failure
    /// a day.
    package static func interval(forCost seconds: Double) -> Double {
        min(30 * 60, max(100 * seconds, (2 * seconds * 24 * 3600).squareRoot()))
    }
}
