package import RunFolder
import System

/// The notes that ranks exchange in the run folder, from one rank's side.
///
/// Nothing is written until a rank has waited for long and asks. Then all ranks write at intervals, until no rank asks
/// any more and each removes its note. The lowest rank that asks reads the notes of all others; the other ranks only
/// check whether a lower rank asks, so that large jobs do not read all notes on every rank.
package struct RankNotes: Sendable {
    /// What a rank knows about the others.
    package struct News: Sendable, Equatable {
        /// The lowest other rank that asks; lower than this one if this one asks, too.
        package var asking: Int?
        /// On the lowest rank that asks: the other ranks' notes that are not stale.
        package var notes: [Int: RankNote] = [:]
        /// Whether a rank has written failure.json.
        package var hasFailure = false

        package init() {}
    }

    private let run: RunDirectory
    private let rank: Int
    /// For each note that was read: its beat, and the seconds since that beat was first seen.
    private var ages: [Int: (beat: Int, seconds: Double)] = [:]
    private var beat = 0
    private var hasWritten = false

    package init(_ run: RunDirectory, rank: Int) {
        self.run = run
        self.rank = rank
    }

    /// Reads the other ranks' notes, and writes this rank's note or removes it.
    ///
    /// - Parameter elapsed: seconds since the last exchange.
    package mutating func exchange(_ own: RankNote, _ times: GuardTimes, elapsed: Double) -> News {
        for other in ages.keys { ages[other]?.seconds += elapsed }
        var news = News()
        let remote = run.ranksWithNotes().filter { $0 != rank }
        for other in remote where !own.asks || other < rank {
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
            for other in remote { news.notes[other] = freshNote(of: other, times) }
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
        // Another rank may just have removed the folder, or the disk may be full: the next attempt is soon.
        try? run.write(note: note)
        hasWritten = true
    }

    /// The rank's note, unless it is stale.
    private mutating func freshNote(of other: Int, _ times: GuardTimes) -> RankNote? {
        guard let note = run.note(ofRank: other) else { return nil }
        if ages[other]?.beat != note.beat { ages[other] = (note.beat, 0) }
        return ages[other]?.seconds ?? 0 < times.untilStale ? note : nil
    }
}
