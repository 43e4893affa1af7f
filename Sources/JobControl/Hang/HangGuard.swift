import Foundation
import Glibc
package import MPI
package import RunFolder
import Synchronization
import System

/// Ends a job in which ranks wait for one that does not arrive. One guard watches one rank.
///
/// A thread polls this rank's page (`Job.page`) about once a second and measures for how long it has not changed. A
/// rank that has waited in one call for half of `communication.timeout` asks the others for notes of what they are
/// doing, by writing its own note into the run folder. After the whole timeout, the lowest waiting rank reports which
/// ranks have not arrived, writes failure.json and exits with 70, upon which the launcher ends all others. A rank that
/// reads data or writes a checkpoint may keep the others waiting for as long as its notes show that its process runs.
/// Without a run folder that all ranks can access, each rank reports what it can observe, and exits with 70.
///
/// The launcher's SIGTERM wakes it as well; it then reports which rank of its host has died.
///
/// A second thread accesses the run folder, so that a file system that does not respond can't block the first one.
/// Neither thread calls MPI. Other names: watchdog, desync debugger.
package final class HangGuard: Sendable {
    /// The exit code of a job that this guard has ended.
    package static let exitCode: Int32 = 70

    private struct Settings {
        var rank: Int
        var ranks: Int
        var times: GuardTimes
        /// Each rank's host and process, after `introduce`.
        var peers: [(host: String, process: ProcessIdentity)] = []
        /// The run folder, on the ranks that can access it.
        var run: RunDirectory?
        /// Whether all ranks of the group can access it.
        var isShared = false
        /// The ranks of the group that works on the run; nil: all ranks of the job.
        var members: [Int]?

        /// The observed state of each rank's process.
        var signs: [ProcessIdentity.Sign?] {
            let machine = ProcessIdentity.own.machine
            return peers.map { $0.process.sign(seenFrom: machine) }
        }
    }

    /// The data that the two threads exchange.
    private struct Desk {
        var own: RankNote?
        var news: RankNotes.News?
        /// Incremented with every exchange of notes.
        var exchanges = 0
        /// The failure to be written.
        var failure: Failure?
        var hasWrittenFailure = false
    }

    private static let stackBytes = 512 << 10

    private let settings: Mutex<Settings>
    private let desk = Mutex(Desk())
    private let letters = Mutex<RankNotes?>(nil)
    private let hasStarted = Atomic(false)
    private let hasEnded = Atomic(false)

    /// - Parameters:
    ///   - rank: this process's number and the number of ranks, as given by the launcher: MPI may not have started yet.
    ///   - timeout: `communication.timeout`, in seconds.
    package init(rank: Int, of ranks: Int, timeout: Double) {
        settings = Mutex(Settings(rank: rank, ranks: ranks, times: GuardTimes(timeout: timeout)))
    }

    /// Starts watching, unless there is only one rank.
    ///
    /// - Throws: a `CommandError` if the system can't start a thread.
    package func start() throws {
        guard settings.withLock({ $0.ranks > 1 }), !hasStarted.exchange(true, ordering: .relaxed) else { return }
        for work in [{ self.watch() }, { self.exchangeNotes() }] as [@Sendable () -> Void] {
            let code = startThread(stackBytes: Self.stackBytes, isDetached: true, work).code
            guard code == 0 else {
                throw CommandError.failure(
                    "can't start the hang guard's threads on \(Self.hostName): "
                        + "\(String(cString: strerror(code))); raise the limit (ulimit -u, ulimit -v)")
            }
        }
    }

    /// Exchanges the hosts and processes of all ranks, and starts watching if the launcher had not given the number of
    /// ranks. Collective (MPI_Allgather).
    ///
    /// - Parameter communicator: of all ranks of the job.
    package func introduce(on communicator: Communicator) throws {
        let own = ProcessIdentity.own
        let ids = try communicator.allgather(own.id)
        let times = try communicator.allgather(own.startTime)
        let machines = try communicator.allgather(own.machine)
        let hosts = try communicator.allgather(Job.hostName)
        let peers = hosts.indices.map {
            (host: hosts[$0], process: ProcessIdentity(id: ids[$0], startTime: times[$0], machine: machines[$0]))
        }
        settings.withLock {
            $0.rank = communicator.rank
            $0.ranks = communicator.size
            $0.peers = peers
        }
        try start()
    }

    /// Sets the waiting time after which the job is ended.
    package func setTimeout(_ seconds: Double) { settings.withLock { $0.times = GuardTimes(timeout: seconds) } }

    /// Ranks exchange their notes in this run folder from now on, if all of them can access it. Collective
    /// (MPI_Allgather, MPI_Bcast, MPI_Allreduce), after the root has written environment.json there.
    ///
    /// A group of ranks may work on a separate run: then its ranks watch only each other, and wait for other groups
    /// within `Phase.betweenGroups`. Notes and messages contain a rank's number in the job.
    ///
    /// - Parameter communicator: of the ranks that work on the run.
    package func use(_ run: RunDirectory, on communicator: Communicator) throws {
        let (rank, ranks) = settings.withLock { ($0.rank, $0.ranks) }
        let members = try communicator.allgather(Int64(rank)).map { Int($0) }
        let rootMark = try communicator.broadcast(run.mark, root: 0)
        let seesIt = rootMark != 0 && run.mark == rootMark
        let isShared = try communicator.allreduce(Int32(seesIt ? 1 : 0), .minimum) == 1
        settings.withLock {
            $0.run = seesIt ? run : nil
            $0.isShared = isShared
            $0.members = members.count == ranks ? nil : members
        }
        letters.withLock { $0 = isShared ? RankNotes(run, rank: rank) : nil }
    }

    /// Writes failure.json, unless there is one or this rank can't access the run folder. Errors of writing are
    /// ignored: there is another error to report.
    package func note(_ error: any Error, step: Int) {
        let settings = settings.withLock { $0 }
        guard let run = settings.run else { return }
        let agreed = error as? AgreedFailure
        let rank = agreed.map { settings.members?[$0.rank] ?? $0.rank }
        try? run.write(
            failure: Failure(
                rank: rank ?? settings.rank, host: agreed?.host ?? Job.hostName, step: step,
                phase: Job.page.phase.description, cause: agreed?.message ?? "\(error)", time: Date().ISO8601Format()))
    }

    /// Called when the job has ended without an error: removes this rank's note, if a wait towards the end has caused
    /// one.
    package func end() {
        hasEnded.store(true, ordering: .relaxed)
        for _ in 0..<100 {
            // The other thread may be using it, or be blocked by the file system.
            let wasFree: Void? = letters.withLockIfAvailable {
                $0?.takeBack()
                $0 = nil
            }
            if wasFree != nil { return }
            usleep(10_000)
        }
    }

    // MARK: the watching thread

    private func watch() {
        var clock = AwakeClock()
        var stillness = Stillness()
        var silence = Silence()
        while true {
            let settings = settings.withLock { $0 }
            let times = settings.times
            let isTerminated = StopSignals.termination.wait(seconds: times.betweenLooks)
            if hasEnded.load(ordering: .relaxed) { return }
            if isTerminated { reportDeaths() }
            let elapsed = clock.elapsed(atMost: 1 + times.betweenLooks)
            stillness.look(at: Job.page.sample, elapsed: elapsed)
            let own = note(stillness, settings)
            let (news, exchanges) = desk.withLock {
                $0.own = own
                return ($0.news, $0.exchanges)
            }
            silence.note(exchanges, elapsed: elapsed)
            evaluate(own, news, settings, folderResponds: silence.seconds < times.untilStale)
        }
    }

    private func evaluate(_ own: RankNote, _ news: RankNotes.News?, _ settings: Settings, folderResponds: Bool) {
        let times = settings.times
        guard own.waitingIn != nil, own.seconds >= times.timeout else { return }
        let hang = HangCase(
            own: own, times: times, ranks: zip(settings.peers, settings.signs).map { (host: $0.host, sign: $1) },
            members: settings.members)
        let usesNotes = settings.isShared && folderResponds && news != nil
        // A folder that has just stopped responding may respond again.
        if settings.isShared, !usesNotes, own.seconds < times.timeout + times.grace { return }
        let verdict = if let news, usesNotes { hang.verdict(news) } else { hang.verdictAlone() }
        switch verdict {
        case .goOn: return
        case .endSilently: _exit(Self.exitCode)
        case .end(let report): end(report, settings, alone: !usesNotes)
        }
    }

    private func note(_ stillness: Stillness, _ settings: Settings) -> RankNote {
        let page = stillness.page
        return RankNote(
            rank: settings.rank, host: settings.peers.isEmpty ? Self.hostName : settings.peers[settings.rank].host,
            phase: Phase(page).description, step: page.steps, calls: page.calls, waitingIn: page.call,
            seconds: stillness.seconds, beat: 0,
            asks: page.call != nil && stillness.seconds >= settings.times.untilAsking)
    }

    private static let hostName = ProcessInfo.processInfo.hostName

    private func end(_ report: HangReport, _ settings: Settings, alone: Bool) -> Never {
        let next = settings.run == nil ? "" : "; started again, it resumes from its last checkpoint"
        Self.printLine("lstm-dist: \(report.cause). The job ends with exit code \(Self.exitCode)\(next)\n")
        if settings.run != nil {
            desk.withLock {
                $0.failure = Failure(
                    rank: report.rank, host: report.host, step: report.step, phase: report.phase, cause: report.cause,
                    time: Date().ISO8601Format())
            }
            for _ in 0..<30 where !desk.withLock({ $0.hasWrittenFailure }) { usleep(100_000) }
        }
        // The launcher kills the others when the first one ends; this leaves them time to report.
        if alone { usleep(UInt32(1e6 * min(1, settings.times.grace))) }
        _exit(Self.exitCode)
    }

    /// A launcher ends the other ranks by SIGTERM when one has died. Before they are killed too, the lowest remaining
    /// rank of this host reports which rank of the host has died, and writes failure.json.
    private func reportDeaths() {
        let settings = settings.withLock { $0 }
        let page = Job.page.sample
        // A rank that ends normally is gone a moment before the others; one that ended with an error has written
        // failure.json.
        guard let run = settings.run, Phase(page) != .exit, !run.hasFailure else { return }
        let signs = settings.signs
        guard let dead = signs.firstIndex(of: .gone),
            signs.firstIndex(where: { $0 != nil && $0 != .gone }) == settings.rank
        else { return }
        let more = signs.count { $0 == .gone } - 1
        let host = settings.peers[dead].host
        let cause =
            "rank \(dead) on \(host)\(more > 0 ? " and \(counted(more, "more rank"))" : "") died without an error message: killed, or crashed"
        try? run.write(
            failure: Failure(
                rank: dead, host: host, step: page.steps, phase: Phase(page).description, cause: cause,
                time: Date().ISO8601Format()))
        Self.printLine("lstm-dist: \(cause). The job ends; started again, it resumes from its last checkpoint\n")
    }

    /// Writes a line to standard error, unless it stays blocked for two seconds.
    private static func printLine(_ line: String) {
        var ready = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 2000) == 1 else { return }
        StandardError.write(line)
    }

    // MARK: the thread of the run folder

    private func exchangeNotes() {
        var clock = AwakeClock()
        var sinceLast = 0.0
        while true {
            let settings = settings.withLock { $0 }
            let times = settings.times
            usleep(UInt32(1e6 * min(times.betweenLooks, times.betweenNotes)))
            if hasEnded.load(ordering: .relaxed) { return }
            sinceLast += clock.elapsed(atMost: 1 + times.betweenLooks)
            if let failure = desk.withLock({ $0.failure }) {
                try? settings.run?.write(failure: failure)
                desk.withLock { $0.hasWrittenFailure = true }
            }
            guard sinceLast >= times.betweenNotes, let own = desk.withLock({ $0.own }) else { continue }
            let news = letters.withLock { $0?.exchange(own, times, elapsed: sinceLast) }
            sinceLast = 0
            guard let news else { continue }
            desk.withLock {
                $0.news = news
                $0.exchanges += 1
            }
        }
    }
}

/// The time for which a page has not changed.
struct Stillness {
    private(set) var page = WaitPage.Sample(call: nil, calls: 0, phase: 0, steps: 0)
    private(set) var seconds = 0.0

    mutating func look(at page: WaitPage.Sample, elapsed: Double) {
        seconds = page == self.page ? seconds + elapsed : 0
        self.page = page
    }
}

/// The time for which a count has not changed.
private struct Silence {
    private var count = 0
    private(set) var seconds = 0.0

    mutating func note(_ count: Int, elapsed: Double) {
        seconds = count == self.count ? seconds + elapsed : 0
        self.count = count
    }
}
