package import RunFolder
import System

/// The notes that ranks leave for each other in the run folder, from one rank's side.
///
/// Nothing is written until some rank has waited for long and asks; then all write, again and again, until nobody asks any more and
/// each takes its note back. The lowest rank that asks reads the others' notes; the other ranks only look whether there is a lower
/// one than they, so that many ranks don't read each other's notes all over.
package struct RankNotes: Sendable {
    /// What a rank knows of others.
    package struct News: Sendable, Equatable {
        /// The lowest other rank that asks, lower than this one if this one asks, too.
        package var asking: Int?
        /// At the lowest rank that asks: the others' notes that are not too old to say anything.
        package var notes: [Int: RankNote] = [:]
        /// Whether somebody has written down how this job ends.
        package var hasFailure = false

        package init() {}
    }

    private let run: RunDirectory
    private let rank: Int
    /// Of each note that was read: its beat, and how long ago that was first seen.
    private var ages: [Int: (beat: Int, seconds: Double)] = [:]
    private var beat = 0
    private var hasWritten = false

    package init(_ run: RunDirectory, rank: Int) {
        self.run = run
        self.rank = rank
    }

    /// Reads what others have written, and writes this rank's note or takes it back.
    ///
    /// - Parameter elapsed: seconds since the last exchange.
    package mutating func exchange(_ own: RankNote, _ times: GuardTimes, elapsed: Double) -> News {
        for other in ages.keys { ages[other]?.seconds += elapsed }
        var news = News()
        let others = run.ranksWithNotes().filter { $0 != rank }
        for other in others where !own.asks || other < rank {
            if let note = freshNote(of: other, times), note.asks {
                news.asking = other
                break
            }
        }
        guard own.asks || news.asking != nil else {
            takeBack()
            return news
        }
        write(own)
        news.hasFailure = run.hasFailure
        if own.asks, news.asking == nil {
            for other in others { news.notes[other] = freshNote(of: other, times) }
        }
        return news
    }

    /// Removes this rank's note if there is one.
    package mutating func takeBack() {
        guard hasWritten else { return }
        run.removeNote(ofRank: rank)
        hasWritten = false
    }

    private mutating func write(_ own: RankNote) {
        var note = own
        beat += 1
        note.beat = beat
        // Another rank may just have removed the folder, or the disk be full: the next time is soon.
        try? run.write(note: note)
        hasWritten = true
    }

    /// The rank's note, unless it has stayed the same for too long.
    private mutating func freshNote(of other: Int, _ times: GuardTimes) -> RankNote? {
        guard let note = run.note(ofRank: other) else { return nil }
        if ages[other]?.beat != note.beat { ages[other] = (note.beat, 0) }
        return ages[other]?.seconds ?? 0 < times.untilStale ? note : nil
    }
}
