import FileFormats
import Glibc
import Synchronization
import System

/// Exclusive lock on a run folder: the file `lock`, whose modification time is its heartbeat.
///
/// A lock is stale when its process is gone, if that is visible, or when its heartbeat has stopped. A stale lock is
/// taken over. The contents of a lock name the process and the folder, and are unique. Three rules keep a second job
/// out of the folder:
/// - A new lock is linked to a free name; it never replaces another.
/// - A lock is replaced or removed only by the process that holds its *claim*: a file named after the checksum of the
///   lock's contents, made in the same way. The holder of the claim compares the contents again. So only the contents
///   that were found stale are removed, and of several processes that wait for them one succeeds.
/// - The holder compares file and folder at each heartbeat and before each checkpoint (`check`), and ends its job if
///   they belong to another.
package final class RunLock: Sendable {
    /// Seconds between heartbeats, and the silence in seconds after which the holder counts as dead.
    package static let heartbeat = 5.0
    package static let deadAfter = 20.0

    private let run: RunDirectory
    private let contents: [UInt8]
    /// The folder when the lock was made. It stays open, so that no other folder can get the same inode number.
    private let descriptor: Int32
    private let found = Mutex<RunFolderError?>(nil)

    private init(_ run: RunDirectory, host: String, job: String?) throws {
        self.run = run
        // An overlay file system gives a folder another inode number when the first file is made in it.
        let first = "\(run.path)/\(TemporaryName.of(RunNames.lock, .new))"
        _ = try OpenFile.creating(first)
        unlink(first)
        descriptor = open(run.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0, let folder = FolderIdentity(descriptor: descriptor) else {
            let code = errno
            if descriptor >= 0 { close(descriptor) }
            throw SystemError.cannotList(folder: run.path, code: code)
        }
        contents = Array(Holder.this(host: host, job: job, folder: folder).json.indentedText.utf8)
    }

    deinit { close(descriptor) }
}

// MARK: - Taking

extension RunLock {
    /// Proof that nobody holds a run folder: it has no lock, or one that was found stale.
    package struct Vacancy: Sendable {
        fileprivate let stale: LockFile?
    }

    /// Returns when nobody holds the run folder. Waits some seconds for a holder that is about to end, and `deadAfter`
    /// seconds for a heartbeat of a holder that is not visible from here.
    ///
    /// - Parameter report: called with a sentence when a heartbeat is overdue.
    /// - Throws: `RunFolderError.held`.
    @discardableResult
    package static func waitUntilFree(
        _ run: RunDirectory, patience: Double = 3, deadAfter: Double = RunLock.deadAfter,
        report: (String) -> Void = { _ in }
    ) throws -> Vacancy {
        let began = ContinuousClock.now
        while let seen = LockFile(run.lockPath) {
            let holder = seen.holder
            switch holder.isAlive(in: run) {
            case false: return Vacancy(stale: seen)
            case nil where !showsLife(seen, in: run, within: deadAfter, report): return Vacancy(stale: seen)
            default: break
            }
            guard ContinuousClock.now - began < .seconds(patience) else {
                throw RunFolderError.held(run: run.path, holder: holder.description)
            }
            usleep(200_000)
        }
        return Vacancy(stale: nil)
    }

    /// Whether a lock changes while this process watches: the clock that sets its time is unknown, so that only a
    /// change counts.
    private static func showsLife(
        _ seen: LockFile, in run: RunDirectory, within deadAfter: Double, _ report: (String) -> Void
    ) -> Bool {
        let began = ContinuousClock.now
        var isReported = false
        while ContinuousClock.now - began < .seconds(deadAfter) {
            usleep(250_000)
            if LockFile(run.lockPath) != seen { return true }
            if !isReported, ContinuousClock.now - began > .seconds(heartbeat + 1) {
                report(
                    "The run folder \(run.path) is in use by \(seen.holder.description), which is not visible from here and sends no "
                        + "heartbeat; its lock is taken over if none comes within \(Int(deadAfter)) s.")
                isReported = true
            }
        }
        return false
    }

    /// Takes a run folder's lock, also from a holder that is dead.
    ///
    /// - Parameters:
    ///   - job: the job number of the batch scheduler.
    ///   - vacancy: the result of an earlier `waitUntilFree`; if it still holds, there is no second wait.
    ///   - deadAfter: seconds without a heartbeat after which a holder that is not visible from here counts as dead.
    /// - Throws: `RunFolderError.held`.
    package static func take(
        _ run: RunDirectory, host: String, job: String?, after vacancy: Vacancy? = nil,
        deadAfter: Double = RunLock.deadAfter, report: (String) -> Void = { _ in }
    ) throws -> RunLock {
        if let vacancy, let lock = try occupy(run, vacancy, host: host, job: job) { return lock }
        let began = ContinuousClock.now
        while true {
            let vacancy = try waitUntilFree(run, deadAfter: deadAfter, report: report)
            if let lock = try occupy(run, vacancy, host: host, job: job) { return lock }
            guard ContinuousClock.now - began < .seconds(deadAfter + 10) else {
                throw RunFolderError.held(run: run.path, holder: "another job that is about to take it")
            }
            usleep(20_000)
        }
    }

    /// Takes a run folder's lock if the vacancy still holds; nil if the folder has another lock by now, or another
    /// process is about to replace the stale one.
    package static func occupy(_ run: RunDirectory, _ vacancy: Vacancy, host: String, job: String?) throws -> RunLock? {
        let lock = try RunLock(run, host: host, job: job)
        guard let stale = vacancy.stale else { return try lock.make(run.lockPath) ? lock : nil }
        let isTaken = try lock.withClaim(to: stale) {
            let temporary = "\(run.path)/\(TemporaryName.of(RunNames.lock, .new))"
            defer { unlink(temporary) }
            try lock.write(temporary)
            try FolderCalls.move(temporary, to: run.lockPath)
        }
        return isTaken ? lock : nil
    }

    /// Runs `body` with the exclusive right to replace or remove a lock; returns false without running it if another
    /// process has that right or the lock has changed.
    private func withClaim(to lock: LockFile, _ body: () throws -> Void) throws -> Bool {
        let claim = "\(run.path)/\(RunNames.claim(to: lock.contents))"
        guard try make(claim) else {
            try clearAbandonedClaim(claim)
            return false
        }
        defer { if LockFile(claim)?.contents == contents { unlink(claim) } }
        guard LockFile(run.lockPath) == lock, LockFile(claim)?.contents == contents else { return false }
        try body()
        return true
    }

    /// Removes a claim whose process died; a live process holds one only for a few system calls.
    private func clearAbandonedClaim(_ claim: String) throws {
        guard let seen = LockFile(claim) else { return }
        switch seen.holder.isAlive(in: run) {
        case true: return
        case nil:
            // A new file in this folder gets its time from the same clock.
            let other = "\(run.path)/\(TemporaryName.of(RunNames.lock, .new))"
            defer { unlink(other) }
            try write(other)
            guard let now = LockFile(other)?.beat, now &- seen.beat > Int64(1e9 * Self.deadAfter) else { return }
        case false: break
        }
        let aside = "\(run.path)/\(TemporaryName.of(RunNames.lock, .old))"
        guard rename(claim, aside) == 0 else { return }
        // Another process may have removed the claim and made its own: that one is restored.
        if LockFile(aside)?.contents != seen.contents, link(aside, claim) != 0, FolderCalls.meansNoLinks(errno),
            FolderCalls.kind(claim) == nil
        {
            rename(aside, claim)
        }
        unlink(aside)
    }

    /// Makes a file of these contents that appears complete, and only if the name is free; returns false if the name is
    /// taken.
    private func make(_ path: String) throws -> Bool {
        let temporary = "\(run.path)/\(TemporaryName.of(RunNames.lock, .new))"
        defer { unlink(temporary) }
        try write(temporary)
        if link(temporary, path) == 0 { return true }
        switch errno {
        case EEXIST: return false
        case let code where FolderCalls.meansNoLinks(code): return try makeDirectly(path)
        case ENOENT where FolderCalls.isFolder(run.path): return false  // removed by the folder's holder
        case let code: throw SystemError.cannotWrite(path: path, code: code)
        }
    }

    /// The same on a file system without hard links: another process may see the file before it is complete, and then
    /// waits for a heartbeat.
    private func makeDirectly(_ path: String) throws -> Bool {
        do {
            try write(path)
            return true
        } catch SystemError.cannotWrite(_, EEXIST) {
            return false
        }
    }

    private func write(_ path: String) throws {
        let file = try OpenFile.creating(path)
        do {
            try contents.withUnsafeBytes { try file.write($0) }
        } catch {
            unlink(path)
            throw error
        }
    }
}

// MARK: - Holding

extension RunLock {
    /// Why this job has lost the lock: `RunFolderError.lost`; nil while nothing is known of it. Reads no disk.
    package var loss: RunFolderError? { found.withLock { $0 } }

    /// Checks that lock and folder are still this job's. If they are not accessible at the moment, the lock counts as
    /// held.
    ///
    /// - Throws: `RunFolderError.lost`; from then on at every call.
    package func check() throws { try look(beats: false) }

    /// Sends a heartbeat, unless the lock is lost. Any thread may call it.
    package func beat() { try? look(beats: true) }

    /// Unlocks the run folder.
    package func release() {
        guard (try? look(beats: false)) != nil, let lock = LockFile(run.lockPath), lock.contents == contents else {
            return
        }
        do {
            _ = try withClaim(to: lock) { unlink(run.lockPath) }
        } catch {
            // A claim can't be made on a full disk.
            unlink(run.lockPath)
        }
    }

    private func look(beats: Bool) throws {
        if let loss { throw loss }
        guard let reason = reasonOfLoss(beats: beats) else { return }
        let loss = RunFolderError.lost(run: run.path, reason: reason)
        found.withLock { $0 = loss }
        throw loss
    }

    private func reasonOfLoss(beats: Bool) -> String? {
        guard let now = FolderIdentity(path: run.path) else {
            return [ENOENT, ENOTDIR].contains(errno) ? "it was moved or deleted" : nil
        }
        guard now == FolderIdentity(descriptor: descriptor) else {
            return "it was moved or deleted, and another folder is in its place"
        }
        let file = open(run.lockPath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return errno == ENOENT ? "its file \(RunNames.lock) was removed" : nil }
        defer { close(file) }
        guard let seen = LockFile(descriptor: file), let bytes = seen.contents else { return nil }
        guard bytes == contents else {
            return "\(seen.holder.description) has taken it over because this job sent no heartbeat for some time"
        }
        // By descriptor: the heartbeat of the file that was compared, not of one that has replaced it.
        if beats { futimens(file, nil) }
        return nil
    }
}

// MARK: - Looking

extension RunLock {
    /// The holder of a run folder, as far as visible without waiting.
    package struct Presence: Sendable {
        package let holder: Holder
        /// Seconds since the last heartbeat, by this host's clock.
        package let silence: Double
        /// The holder is not visible from here, and its heartbeat is overdue: it may be dead.
        package let isDoubtful: Bool
    }

    /// nil if nobody holds the folder.
    package static func presence(in run: RunDirectory) -> Presence? {
        guard let seen = LockFile(run.lockPath) else { return nil }
        let holder = seen.holder
        let isAlive = holder.isAlive(in: run)
        guard holder.isNamed, isAlive ?? true else { return nil }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let silence = max(0, Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9 - Double(seen.beat) * 1e-9)
        return Presence(holder: holder, silence: silence, isDoubtful: isAlive == nil && silence > deadAfter)
    }
}

/// A snapshot of a file with the contents of a lock.
struct LockFile: Equatable, Sendable {
    /// nil if they can't be read.
    let contents: [UInt8]?
    /// The time of its last change, in nanoseconds.
    let beat: Int64

    /// nil if there is no such file.
    init?(_ path: String) {
        // Opened, because some file systems ask the server for the time only then; a lock that can't be opened gets
        // lstat.
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        if descriptor >= 0 {
            self.init(descriptor: descriptor)
        } else {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            self.init(status, contents: nil)
        }
    }

    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        let file = OpenFile.borrowing(descriptor, name: RunNames.lock)
        self.init(status, contents: try? file.bytes(count: Self.longest))
    }

    private init?(_ status: stat, contents: [UInt8]?) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.contents = contents
        // The time may have any value, and only a change counts as a beat: it may wrap in Int64.
        beat = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }

    /// Bytes of a lock, at most.
    private static let longest = 1 << 16

    var holder: RunLock.Holder {
        guard let contents, let fields = try? Fields(parsing: contents, from: RunNames.lock),
            let holder = try? RunLock.Holder(fields)
        else { return .unknown }
        return holder
    }
}
