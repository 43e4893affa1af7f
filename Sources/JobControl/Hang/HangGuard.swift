import Foundation
import Glibc
package import MPI
package import RunFolder
import Synchronization
import System

/// Ends a job in which ranks wait for one that does not come: the watcher of one rank.
///
/// A thread looks at this rank's page (`Job.page`) about once a second and notices for how long nothing on it has changed. A rank that has
/// waited in one call for half of `communication.timeout` asks the others for notes of what they are doing, by a note of its
/// own in the run folder; after the whole time the lowest rank that waits says which ranks have not arrived, writes failure.json and
/// exits with 70, upon which the launcher ends all others. A rank that reads data or writes a checkpoint keeps the others waiting as
/// long as its notes show that its process goes on. Without a run folder that all ranks see, each says what it sees, and exits with 70.
///
/// The launcher's SIGTERM wakes it, too: then it tells which rank of its host has died.
///
/// A second thread deals with the run folder, so that a file system that does not answer can't silence the first one. Neither of them
/// calls MPI. Other names: watchdog, desync debugger.
package final class HangGuard: Sendable {
    /// What a job that this guard has ended returns.
    package static let exitCode: Int32 = 70

    private struct Settings {
        var rank: Int
        var ranks: Int
        var times: GuardTimes
        /// Of each rank, once they know each other.
        var peers: [(host: String, process: ProcessIdentity)] = []
        /// The run folder, at the ranks that see it.
        var run: RunDirectory?
        /// Whether all ranks see it.
        var isShared = false

        /// What is seen of each rank's process at this moment.
        var signs: [ProcessIdentity.Sign?] {
            let machine = ProcessIdentity.own.machine
            return peers.map { $0.process.sign(seenFrom: machine) }
        }
    }

    /// What the two threads tell each other.
    private struct Desk {
        var own: RankNote?
        var news: RankNotes.News?
        /// Goes up with every exchange of notes.
        var exchanges = 0
        /// To be written down.
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
    ///   - rank: this process's number and how many there are, as the launcher says it: MPI may not have started yet.
    ///   - timeout: `communication.timeout`, in seconds.
    package init(rank: Int, of ranks: Int, timeout: Double) {
        settings = Mutex(Settings(rank: rank, ranks: ranks, times: GuardTimes(timeout: timeout)))
    }

    /// Starts watching, unless there is nobody to wait for.
    ///
    /// - Throws: a `CommandError` if the system has no thread to give.
    package func start() throws {
        guard settings.withLock({ $0.ranks > 1 }), !hasStarted.exchange(true, ordering: .relaxed) else { return }
        for work in [{ self.watch() }, { self.exchangeNotes() }] as [@Sendable () -> Void] {
            let code = startThread(stackBytes: Self.stackBytes, isDetached: true, work).code
            guard code == 0 else {
                throw CommandError.failure(
                    "on \(Self.hostName) the threads that guard against hangs can't be started: "
                        + "\(String(cString: strerror(code))); accepted: a higher limit (ulimit -u, ulimit -v)")
            }
        }
    }

    /// Lets ranks know each other's hosts and processes, and starts watching where the launcher had not told how many they are.
    /// Collective (MPI_Allgather).
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

    /// Changes the time after which a wait ends the job.
    package func setTimeout(_ seconds: Double) { settings.withLock { $0.times = GuardTimes(timeout: seconds) } }

    /// From now on ranks leave their notes in this run folder, if all of them see it. Collective (MPI_Bcast, MPI_Allreduce), once the
    /// root has written environment.json there.
    package func use(_ run: RunDirectory, on communicator: Communicator) throws {
        let ofRoot = try communicator.broadcast(run.mark, root: 0)
        let seesIt = ofRoot != 0 && run.mark == ofRoot
        let isShared = try communicator.allreduce(Int32(seesIt ? 1 : 0), .minimum) == 1
        let rank = communicator.rank
        settings.withLock {
            $0.run = seesIt ? run : nil
            $0.isShared = isShared
        }
        letters.withLock { $0 = isShared ? RankNotes(run, rank: rank) : nil }
    }

    /// Writes failure.json, unless there is one or this rank does not see the run folder. What can't be written is left unsaid: there is
    /// another error to report.
    package func note(_ error: any Error, step: Int) {
        let settings = settings.withLock { $0 }
        guard let run = settings.run else { return }
        let agreed = error as? AgreedFailure
        try? run.write(
            failure: Failure(
                rank: agreed?.rank ?? settings.rank, host: agreed?.host ?? Job.hostName, step: step,
                phase: Job.page.phase.words, cause: agreed?.message ?? "\(error)", time: Date().ISO8601Format()))
    }

    /// The job has ended well: takes this rank's note back, if a wait towards the end has made it write one.
    package func end() {
        hasEnded.store(true, ordering: .relaxed)
        for _ in 0..<100 {
            // The other thread may be at it, or be held by the file system.
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
            if isTerminated { tellDeaths() }
            let elapsed = clock.elapsed(atMost: 1 + times.betweenLooks)
            stillness.look(at: Job.page.sample, elapsed: elapsed)
            let own = note(stillness, settings)
            let (news, exchanges) = desk.withLock {
                $0.own = own
                return ($0.news, $0.exchanges)
            }
            silence.note(exchanges, elapsed: elapsed)
            judge(own, news, settings, folderAnswers: silence.seconds < times.untilStale)
        }
    }

    private func judge(_ own: RankNote, _ news: RankNotes.News?, _ settings: Settings, folderAnswers: Bool) {
        let times = settings.times
        guard own.waitingIn != nil, own.seconds >= times.timeout else { return }
        let hang = HangCase(
            own: own, times: times, ranks: zip(settings.peers, settings.signs).map { (host: $0.host, sign: $1) })
        let usesNotes = settings.isShared && folderAnswers && news != nil
        // A folder that has just ceased to answer may answer again.
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
            phase: Phase(page).words, step: page.steps, calls: page.calls, waitingIn: page.call,
            seconds: stillness.seconds, beat: 0,
            asks: page.call != nil && stillness.seconds >= settings.times.untilAsking)
    }

    private static let hostName = ProcessInfo.processInfo.hostName

    private func end(_ report: HangReport, _ settings: Settings, alone: Bool) -> Never {
        let wayOn = settings.run == nil ? "" : ", and started again goes on from its last checkpoint"
        Self.say("lstm-dist: \(report.cause). The job ends with exit code \(Self.exitCode)\(wayOn)\n")
        if settings.run != nil {
            desk.withLock {
                $0.failure = Failure(
                    rank: report.rank, host: report.host, step: report.step, phase: report.phase, cause: report.cause,
                    time: Date().ISO8601Format())
            }
            for _ in 0..<30 where !desk.withLock({ $0.hasWrittenFailure }) { usleep(100_000) }
        }
        // The launcher kills the others when the first one ends: they shall have spoken by then.
        if alone { usleep(UInt32(1e6 * min(1, settings.times.grace))) }
        _exit(Self.exitCode)
    }

    /// SIGTERM is how a launcher ends the other ranks when one has died: who has died on this host is said and written down before
    /// they are killed, too, by the lowest rank that is left here.
    private func tellDeaths() {
        let settings = settings.withLock { $0 }
        let page = Job.page.sample
        // A rank that ends in order is gone a moment before the others; one that ended with an error has written it down.
        guard let run = settings.run, Phase(page) != .exit, !run.hasFailure else { return }
        let signs = settings.signs
        guard let dead = signs.firstIndex(of: .gone),
            signs.firstIndex(where: { $0 != nil && $0 != .gone }) == settings.rank
        else { return }
        let more = signs.count { $0 == .gone } - 1
        let host = settings.peers[dead].host
        let cause =
            "rank \(dead) on \(host)\(more > 0 ? " and \(counted(more, "more rank"))" : "") died without a word: killed, or crashed"
        try? run.write(
            failure: Failure(
                rank: dead, host: host, step: page.steps, phase: Phase(page).words, cause: cause,
                time: Date().ISO8601Format()))
        Self.say("lstm-dist: \(cause). The job ends, and started again goes on from its last checkpoint\n")
    }

    /// Writes a line to standard error in one piece, unless nobody takes it.
    private static func say(_ line: String) {
        var ready = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 2000) == 1 else { return }
        let bytes = Array(line.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
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

/// For how long a page has stayed the same.
struct Stillness {
    private(set) var page = WaitPage.Sample(call: nil, calls: 0, phase: 0, steps: 0)
    private(set) var seconds = 0.0

    mutating func look(at page: WaitPage.Sample, elapsed: Double) {
        seconds = page == self.page ? seconds + elapsed : 0
        self.page = page
    }
}

/// For how long a number has stayed the same.
private struct Silence {
    private var number = 0
    private(set) var seconds = 0.0

    mutating func note(_ number: Int, elapsed: Double) {
        seconds = number == self.number ? seconds + elapsed : 0
        self.number = number
    }
}
