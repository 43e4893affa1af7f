import FileFormats
package import RunFolder
import System

/// What a waiting rank concludes from what it knows.
package enum HangVerdict: Equatable {
    case goOn
    /// Another rank has said what there is to say, or is about to.
    case endSilently
    case end(HangReport)
}

/// Why a job is ended, in words.
package struct HangReport: Equatable {
    /// The rank that is to blame, as far as can be seen.
    package let rank: Int
    package let host: String
    package let step: Int
    package let phase: String
    /// A sentence without its full stop.
    package let cause: String

    package init(rank: Int, host: String, step: Int, phase: String, cause: String) {
        self.rank = rank
        self.host = host
        self.step = step
        self.phase = phase
        self.cause = cause
    }
}

/// One rank's view of a wait that may be a hang.
package struct HangCase {
    /// This rank's own note.
    let own: RankNote
    let times: GuardTimes
    /// Every rank's host and what is seen of its process; empty as long as ranks don't know each other.
    let ranks: [(host: String, sign: ProcessIdentity.Sign?)]

    package init(own: RankNote, times: GuardTimes, ranks: [(host: String, sign: ProcessIdentity.Sign?)]) {
        self.own = own
        self.times = times
        self.ranks = ranks
    }

    private struct Missing {
        let rank: Int
        let words: String
        var note: RankNote?
    }

    private var waits: Bool { own.waitingIn != nil && own.seconds >= times.timeout }

    // MARK: with the others' notes

    /// The verdict of a rank that sees the others' notes.
    package func verdict(_ news: RankNotes.News) -> HangVerdict {
        guard waits else { return .goOn }
        // Who has written a failure down may have ended by now, and asks no more.
        if news.asking != nil || news.hasFailure {
            let isLate = own.seconds >= times.timeout + times.grace
            return news.hasFailure && isLate ? .endSilently : .goOn
        }
        var missing: [Missing] = []
        var mayYetCome = false
        for rank in ranks.indices where rank != own.rank {
            guard let note = news.notes[rank] else {
                missing.append(Missing(rank: rank, words: words(ranks[rank].sign)))
                continue
            }
            let isStill = note.seconds >= times.untilAsking
            if note.waitingIn != nil {
                if !isStill { mayYetCome = true }
            } else if note.mayKeepOthersWaiting || !isStill {
                mayYetCome = true
            } else {
                missing.append(
                    Missing(
                        rank: rank,
                        words:
                            "it is in \(shown(note.phase)), after step \(note.step), and has not gone on for \(seconds(note.seconds))",
                        note: note))
            }
        }
        if missing.isEmpty {
            if mayYetCome { return .goOn }
            let calls = Set(news.notes.values.compactMap(\.waitingIn)).union([own.waitingIn ?? ""]).sorted()
            return .end(
                report(
                    nil,
                    "all ranks wait (in \(shown(calls.joined(separator: ", ")))), and nothing arrives: the network may be cut"
                )
            )
        }
        return .end(report(missing.first, list(missing)))
    }

    // MARK: alone

    /// The verdict of a rank that sees no notes: in time, or where the run folder gives no answer.
    package func verdictAlone() -> HangVerdict {
        guard waits else { return .goOn }
        // A process that works is now and then held by the system: where it may work for long, that proves nothing.
        let mayWork = own.phase == Phase.rootAlone.words
        let proofs: [ProcessIdentity.Sign] = mayWork ? [.stopped, .gone] : [.stopped, .gone, .blocked]
        let missing = ranks.indices.filter { rank in
            rank != own.rank && proofs.contains { $0 == ranks[rank].sign }
        }.map { Missing(rank: $0, words: words(ranks[$0].sign)) }
        if missing.isEmpty {
            return mayWork ? .goOn : .end(report(nil, "which rank has not arrived can't be seen from here"))
        }
        return .end(report(missing.first, list(missing)))
    }

    // MARK: words

    private func report(_ first: Missing?, _ words: String) -> HangReport {
        let step = own.step > 0 ? " after step \(own.step)" : ""
        return HangReport(
            rank: first?.rank ?? own.rank, host: first.map { ranks[$0.rank].host } ?? own.host,
            step: first?.note?.step ?? own.step, phase: first?.note?.phase ?? own.phase,
            cause: "rank \(own.rank) on \(own.host) has waited \(seconds(own.seconds)) in \(own.waitingIn ?? ""), in "
                + "\(own.phase)\(step): \(words)")
    }

    private static let namedAtMost = 8

    private func list(_ missing: [Missing]) -> String {
        let named = missing.prefix(Self.namedAtMost).map {
            "rank \($0.rank) on \(ranks[$0.rank].host) has not arrived: \($0.words)"
        }
        let rest = missing.count - named.count
        return (named + (rest > 0 ? ["and \(counted(rest, "more rank"))"] : [])).joined(separator: "; ")
    }

    private func words(_ sign: ProcessIdentity.Sign?) -> String {
        switch sign {
        case .stopped: "it is stopped (SIGSTOP)"
        case .gone: "it is gone"
        case .blocked: "it is held in a call of the system, as by a file system that does not answer"
        case .goesOn, nil: "it gives no sign of life"
        }
    }

    private func seconds(_ seconds: Double) -> String { "\(Int(seconds.rounded())) s" }
}

extension RankNote {
    /// Whether the rank is at work that others wait for longer than usual.
    fileprivate var mayKeepOthersWaiting: Bool {
        Phase.allCases.contains { $0.words == phase && $0.mayKeepOthersWaiting }
    }
}
