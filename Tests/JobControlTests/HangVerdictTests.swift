import JobControl
import RunFolder
import Testing

@Suite("The verdict on a long wait")
struct HangVerdictTests {
    private static let times = GuardTimes(timeout: 300)

    private func note(
        _ rank: Int, in phase: Phase = .training, step: Int = 12, waitingIn call: String? = nil, for seconds: Double
    ) -> RankNote {
        RankNote(
            rank: rank, host: "n\(rank)", phase: phase.description, step: step, calls: 100, waitingIn: call,
            seconds: seconds,
            beat: 1, asks: call != nil && seconds >= 150)
    }

    private func waiting(_ rank: Int, for seconds: Double = 301) -> RankNote {
        note(rank, waitingIn: "MPI_Allreduce", for: seconds)
    }

    private func hang(_ note: RankNote, _ signs: [ProcessIdentity.Sign?] = [nil, nil, nil]) -> HangCase {
        HangCase(
            own: note, times: Self.times, ranks: signs.enumerated().map { (host: "n\($0.offset)", sign: $0.element) })
    }

    private func news(_ notes: RankNote..., asking: Int? = nil, hasFailure: Bool = false) -> RankNotes.News {
        var news = RankNotes.News()
        for note in notes { news.notes[note.rank] = note }
        news.asking = asking
        news.hasFailure = hasFailure
        return news
    }

    private func report(_ verdict: HangVerdict) throws -> HangReport {
        guard case .end(let report) = verdict else {
            throw Unexpected(description: "the verdict is \(verdict)")
        }
        return report
    }

    private struct Unexpected: Error { let description: String }

    private static let waited = "rank 0 on n0 has waited 301 s in MPI_Allreduce, in training after step 12: "

    @Test("a rank without a note is reported, with the observed state of its process")
    func silent() throws {
        let signs: [(ProcessIdentity.Sign?, String)] = [
            (.stopped, "it is stopped (SIGSTOP)"), (.gone, "its process has ended"), (nil, "it does not respond"),
            (.goesOn, "it does not respond"),
            (.blocked, "it is blocked in a system call, for example by a file system that does not respond"),
        ]
        for (sign, reason) in signs {
            let report = try report(hang(waiting(0), [nil, nil, sign]).verdict(news(waiting(1))))
            #expect(
                report
                    == HangReport(
                        rank: 2, host: "n2", step: 12, phase: "training",
                        cause: Self.waited + "rank 2 on n2 has not arrived: \(reason)"))
        }
    }

    @Test("a rank that computes without end is reported with its phase and step; several are listed")
    func computing() throws {
        let late = note(1, step: 11, for: 170)
        let report = try report(hang(waiting(0)).verdict(news(late)))
        #expect(
            report
                == HangReport(
                    rank: 1, host: "n1", step: 11, phase: "training",
                    cause: Self.waited
                        + "rank 1 on n1 has not arrived: it is in training after step 11 and has made no progress for 170 s; "
                        + "rank 2 on n2 has not arrived: it does not respond"))
    }

    @Test("of many missing ranks the first are listed, the others counted")
    func many() throws {
        let signs = [ProcessIdentity.Sign?](repeating: nil, count: 1000)
        let report = try report(hang(waiting(0), signs).verdict(news()))
        #expect(report.cause.contains("rank 8 on n8 has not arrived: it does not respond; and 991 more ranks"))
        #expect(!report.cause.contains("rank 9 on"))
        #expect(report.cause.utf8.count < 1000)
    }

    @Test("a rank that is known to read, write or validate is waited for, unless another one is missing")
    func working() throws {
        for phase in Phase.allCases where phase.mayKeepOthersWaiting {
            let working = note(1, in: phase, for: 5000)
            #expect(hang(waiting(0, for: 5000)).verdict(news(working, waiting(2))) == .goOn)
            let report = try report(hang(waiting(0)).verdict(news(working)))
            #expect(report.rank == 2)
        }
        #expect(Phase.allCases.filter(\.mayKeepOthersWaiting).count == 6)
    }

    @Test("a rank that has made progress within half the timeout may still arrive")
    func moving() {
        #expect(hang(waiting(0)).verdict(news(note(1, for: 149), waiting(2))) == .goOn)
        #expect(hang(waiting(0)).verdict(news(waiting(1, for: 149), waiting(2))) == .goOn)
    }

    @Test("if all ranks wait, the network is suspected")
    func allWaiting() throws {
        var other = waiting(1)
        other.waitingIn = "MPI_Bcast"
        let report = try report(hang(waiting(0)).verdict(news(other, waiting(2))))
        #expect(
            report.cause == Self.waited
                + "all ranks wait (in MPI_Allreduce, MPI_Bcast) and nothing arrives: the network may be down")
        #expect(report.rank == 0)
    }

    @Test("before the timeout, and at work, a rank reports nothing")
    func early() {
        #expect(hang(waiting(0, for: 299)).verdict(news()) == .goOn)
        #expect(hang(waiting(0, for: 299)).verdictAlone() == .goOn)
        #expect(hang(note(0, for: 5000)).verdict(news()) == .goOn)
        #expect(hang(note(0, for: 5000), [nil, .stopped, nil]).verdictAlone() == .goOn)
    }

    @Test("a higher rank lets the lower one report, and ends silently when that one has written the failure")
    func higher() {
        #expect(hang(waiting(2, for: 5000)).verdict(news(asking: 1)) == .goOn)
        #expect(hang(waiting(2, for: 310)).verdict(news(asking: 1, hasFailure: true)) == .goOn)
        #expect(hang(waiting(2, for: 380)).verdict(news(asking: 1, hasFailure: true)) == .endSilently)
        #expect(hang(waiting(2, for: 310)).verdict(news(hasFailure: true)) == .goOn)
        #expect(hang(waiting(2, for: 380)).verdict(news(hasFailure: true)) == .endSilently)
    }

    @Test("without notes only processes of the same machine can be observed")
    func alone() throws {
        #expect(
            try report(hang(waiting(0), [.goesOn, .goesOn, nil]).verdictAlone()).cause
                == Self.waited + "this rank can't determine which rank has not arrived")
        let report = try report(hang(waiting(0), [.goesOn, .goesOn, .stopped]).verdictAlone())
        #expect(report.cause == Self.waited + "rank 2 on n2 has not arrived: it is stopped (SIGSTOP)")
        #expect(report.rank == 2)
    }

    @Test("in phases of long work, a rank without notes keeps waiting unless another one is stopped or has ended")
    func longWork() throws {
        for phase in Phase.allCases where phase.mayKeepOthersWaiting {
            let longWait = note(1, in: phase, waitingIn: "MPI_Allreduce", for: 5000)
            for sign in [ProcessIdentity.Sign.goesOn, .blocked, nil] {
                #expect(hang(longWait, [sign, .goesOn, nil]).verdictAlone() == .goOn)
            }
            for sign in [ProcessIdentity.Sign.stopped, .gone] {
                #expect(try report(hang(longWait, [sign, .goesOn, nil]).verdictAlone()).rank == 0)
            }
        }
        let training = note(1, in: .training, waitingIn: "MPI_Allreduce", for: 5000)
        #expect(try report(hang(training, [.goesOn, .goesOn, nil]).verdictAlone()).rank == 1)
    }

    @Test("while rank 0 works alone, the others wait as long as its process exists")
    func rootAlone() throws {
        let longWait = note(1, in: .rootAlone, waitingIn: "MPI_Allreduce", for: 5000)
        #expect(hang(longWait, [.goesOn, .goesOn, nil]).verdictAlone() == .goOn)
        #expect(hang(longWait, [.blocked, .goesOn, nil]).verdictAlone() == .goOn)
        #expect(try report(hang(longWait, [.gone, .goesOn, nil]).verdictAlone()).rank == 0)
    }

    @Test("in a group, only its ranks can be missing, and a wait for other groups is not a hang")
    func groups() throws {
        let signs: [ProcessIdentity.Sign?] = [nil, nil, .stopped, nil]
        let group = HangCase(
            own: waiting(0), times: Self.times,
            ranks: signs.enumerated().map { (host: "n\($0.offset)", sign: $0.element) }, members: [0, 3])
        #expect(try report(group.verdict(news())).rank == 3)
        #expect(
            try report(group.verdictAlone()).cause.hasSuffix("this rank can't determine which rank has not arrived"))
        let all = try report(group.verdict(news(waiting(3))))
        #expect(all.cause.contains("all ranks of its group wait"))
        let between = HangCase(
            own: note(0, in: .betweenGroups, waitingIn: "MPI_Barrier", for: 1000), times: Self.times,
            ranks: signs.enumerated().map { (host: "n\($0.offset)", sign: $0.element) }, members: [0, 3])
        #expect(between.verdict(news()) == .goOn)
        #expect(between.verdictAlone() == .goOn)
    }
}
