import System

/// The times that follow from `communication.timeout`, all in seconds.
package struct GuardTimes: Equatable, Sendable {
    /// The waiting time after which a rank ends the job.
    let timeout: Double

    package init(timeout: Double) { self.timeout = timeout }

    /// The waiting time after which a rank asks the others what they are doing.
    var untilAsking: Double { timeout / 2 }
    /// The interval at which the watcher polls this rank's own page.
    var betweenLooks: Double { min(max(timeout / 20, 0.05), 1) }
    /// The interval at which the run folder is polled, and at which a rank writes notes that others ask for.
    var betweenNotes: Double { min(max(timeout / 30, 0.1), 10) }
    /// The age from which a note is ignored as stale; network file systems show a note with some delay.
    var untilStale: Double { min(max(timeout / 4, 0.5), 60) }
    /// The time that a rank gives another one to report first, and that it waits for an unresponsive file system.
    var grace: Double { timeout / 4 }
}

/// A clock that advances only while this process runs: time for which the process was stopped, or the machine
/// suspended, does not count as waiting.
struct AwakeClock {
    private var last = secondsNow()

    /// The seconds since the last call, at most `most`.
    mutating func elapsed(atMost most: Double) -> Double {
        let now = secondsNow()
        defer { last = now }
        return min(now - last, most)
    }
}
