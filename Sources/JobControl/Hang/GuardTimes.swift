import System

/// The times that follow from `communication.timeout`, all in seconds.
package struct GuardTimes: Equatable, Sendable {
    /// How long a rank waits for others before it ends the job.
    let timeout: Double

    package init(timeout: Double) { self.timeout = timeout }

    /// After this time of waiting a rank asks the others what they are doing.
    var untilAsking: Double { timeout / 2 }
    /// Between two looks at this rank's own page.
    var betweenLooks: Double { min(max(timeout / 20, 0.05), 1) }
    /// Between two looks at the run folder, and two notes of a rank that others ask for.
    var betweenNotes: Double { min(max(timeout / 30, 0.1), 10) }
    /// A note that is as old as this says nothing of its rank any more; network file systems show a note with some delay.
    var untilStale: Double { min(max(timeout / 4, 0.5), 60) }
    /// How long a rank leaves the word to another one, and waits for a file system that does not answer.
    var grace: Double { timeout / 4 }
}

/// A clock that goes on only while this process does: whoever was stopped for a time, or put to sleep with the machine, has not
/// waited for others meanwhile.
struct AwakeClock {
    private var last = secondsNow()

    /// The seconds since the last look, but no more than `most`.
    mutating func elapsed(atMost most: Double) -> Double {
        let now = secondsNow()
        defer { last = now }
        return min(now - last, most)
    }
}
