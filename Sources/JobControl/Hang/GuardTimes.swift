import System

/// The times that follow from `communication.timeout`, all in seconds.
package struct GuardTimes: Equatable, Sendable {
    /// How long a rank waits for others before it ends the job.
    let timeout: Double

    package init(timeout: Double) { self.timeout = timeout }

    /// The waiting time after which a rank asks the others what they are doing.
    var untilAsking: Double { timeout / 2 }
    /// The interval at which the watcher polls this rank's own page.
    var betweenLooks: Double { min(max(timeout / 20, 0.05), 1) }
    /// The interval at which the run folder is polled, and at which a rank writes notes that others ask for.
    var betweenNotes: Double { min(max(timeout / 30, 0.1), 10) }
    /// The age from which a note is no evidence for its rank any more; network file systems show a note with some
    /// delay.
    var untilStale: Double { min(max(timeout / 4, 0.5), 60) }
    /// How long a rank lets another one report first, and how long it waits for a file system that does not respond.
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
