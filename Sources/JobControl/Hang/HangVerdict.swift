import FileFormats
package import RunFolder
import System

/// The conclusion of a waiting rank from what it knows.
package enum HangVerdict: Equatable {
    case goOn
    /// Another rank has reported the hang, or is about to.
    case endSilently
    case end(HangReport)
}

/// The reason why a job is ended.
package struct HangReport: Equatable {
    /// The rank that caused the hang, as far as is known.
    package let rank: Int
    package let host: String
    package let step: Int
    package let phase: String
    /// A sentence without a full stop.
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
    /// Every rank's host and the observed state of its process; empty before `introduce`.
    let ranks: [(host: String, sign: ProcessIdentity.Sign?)]
    /// The ranks that this one may wait for and whose notes it can read: its group; nil: all.
    let members: [Int]?

    package init(
        own: RankNote, times: GuardTimes, ranks: [(host: String, sign: ProcessIdentity.Sign?)], members: [Int]? = nil
    ) {
        self.own = own
        self.times = times
        self.ranks = ranks
        self.members = members
    }

    private var remoteRanks: [Int] { (members ?? Array(ranks.indices)).filter { $0 != own.rank && $0 < ranks.count } }

    private struct Missing {
        let rank: Int
        let reason: String
        var note: RankNote?
    }

    /// Another group reports its own hangs.
    private var waits: Bool {
        own.waitingIn != nil && own.seconds >= times.timeout && own.phase != Phase.betweenGroups.description
    }

    // MARK: with the other ranks' notes

    /// The verdict of a rank that can read the other ranks' notes.
    package func verdict(_ news: RankNotes.News) -> HangVerdict {
        guard waits else { return .goOn }
        // A rank that has written a failure may have ended by now, and asks no more.
        if news.asking != nil || news.hasFailure {
            let isLate = own.seconds >= times.timeout + times.grace
            return news.hasFailure && isLate ? .endSilently : .goOn
        }
        var missing: [Missing] = []
        var mayYetCome = false
        for rank in remoteRanks {
            guard let note = news.notes[rank] else {
                missing.append(Missing(rank: rank, reason: reason(ranks[rank].sign)))
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
                        reason:
                            "it is in \(shown(note.phase)) after step \(note.step) and has made no progress for \(seconds(note.seconds))",
                        note: note))
            }
        }
        if missing.isEmpty {
            if mayYetCome { return .goOn }
            let calls = Set(news.notes.values.compactMap(\.waitingIn)).union([own.waitingIn ?? ""]).sorted()
            return .end(
                report(
                    nil,
                    "all ranks\(members == nil ? "" : " of its group") wait (in \(shown(calls.joined(separator: ", ")))) and nothing arrives: the network may be down"
                )
            )
        }
        return .end(report(missing.first, list(missing)))
    }

    // MARK: alone

    /// The verdict of a rank that can't read notes: there is no shared run folder, or it does not respond.
    ///
    /// In phases in which one rank may work for long while the others wait (loading, validation), only a proof ends the
    /// job: a process that is stopped or gone.
    package func verdictAlone() -> HangVerdict {
        guard waits else { return .goOn }
        // A working process is sometimes blocked in a system call: in a phase of long work, that is no evidence.
        let mayWork = own.mayKeepOthersWaiting
        let proofs: [ProcessIdentity.Sign] = mayWork ? [.stopped, .gone] : [.stopped, .gone, .blocked]
        let missing = remoteRanks.filter { rank in
            proofs.contains { $0 == ranks[rank].sign }
        }.map { Missing(rank: $0, reason: reason(ranks[$0].sign)) }
        if missing.isEmpty {
            return mayWork ? .goOn : .end(report(nil, "this rank can't determine which rank has not arrived"))
        }
        return .end(report(missing.first, list(missing)))
    }

    // MARK: texts

    private func report(_ first: Missing?, _ reason: String) -> HangReport {
        let step = own.step > 0 ? " after step \(own.step)" : ""
        return HangReport(
            rank: first?.rank ?? own.rank, host: first.map { ranks[$0.rank].host } ?? own.host,
            step: first?.note?.step ?? own.step, phase: first?.note?.phase ?? own.phase,
            cause: "rank \(own.rank) on \(own.host) has waited \(seconds(own.seconds)) in \(own.waitingIn ?? ""), in "
                + "\(own.phase)\(step): \(reason)")
    }

    private static let namedAtMost = 8

    private func list(_ missing: [Missing]) -> String {
        let named = missing.prefix(Self.namedAtMost).map {
            "rank \($0.rank) on \(ranks[$0.rank].host) has not arrived: \($0.reason)"
        }
        let unnamed = missing.count - named.count
        return (named + (unnamed > 0 ? ["and \(counted(unnamed, "more rank"))"] : [])).joined(separator: "; ")
    }

    private func reason(_ sign: ProcessIdentity.Sign?) -> String {
        switch sign {
        case .stopped: "it is stopped (SIGSTOP)"
        case .gone: "its process has ended"
        case .blocked: "it is blocked in a system call, for example by a file system that does not respond"
        case .goesOn, nil: "it does not respond"
        }
    }

    private func seconds(_ seconds: Double) -> String { "\(Int(seconds.rounded())) s" }
}

extension RankNote {
    /// Whether the rank does work that may keep others waiting for longer than usual.
    fileprivate var mayKeepOthersWaiting: Bool {
        Phase.allCases.contains { $0.description == phase && $0.mayKeepOthersWaiting }
    }
}
