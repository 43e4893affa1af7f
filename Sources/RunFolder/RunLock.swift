import FileFormats
import Glibc

/// The hold of one job on a run folder: the file `lock`, whose heartbeat is its time of change.
///
/// A lock is stale when its process is gone, where that can be seen, or when its heart has stopped; then it is taken over.
package final class RunLock: Sendable {
    /// Seconds between heartbeats, and after how many without one the holder counts as dead.
    package static let heartbeat = 5.0
    package static let deadAfter = 20.0

    private let path: String
    private let content: String

    /// Who holds a lock.
    package struct Holder: Sendable, Equatable {
        package let host: String
        package let process: Int32
        /// Of the batch scheduler.
        package let job: String?
        /// What tells this process from a later one of the same number, and its machine and process numbers from others.
        fileprivate let started: String
        fileprivate let machine: String

        /// Of a lock that is there but says nothing, as after a crash of its machine; its heart may still beat.
        fileprivate static let unknown = Holder(host: "", process: 0, job: nil, started: "", machine: "")

        package var description: String {
            guard self != .unknown else {
                return "a process that its file \(RunNames.lock), which is damaged, doesn't name"
            }
            return "process \(process) on \(shown(host))" + (job.map { " of job \(shown($0))" } ?? "")
        }

        /// nil: this process can't tell.
        fileprivate var isAlive: Bool? {
            guard machine == ProcessStatus.machine else { return nil }
            guard kill(process, 0) == 0 || errno == EPERM else { return false }
            return Self.start(of: process) == started
        }

        fileprivate static func this(host: String, job: String?) -> Holder {
            Holder(
                host: host, process: getpid(), job: job, started: start(of: getpid()) ?? "",
                machine: ProcessStatus.machine)
        }

        /// nil if the process is gone.
        private static func start(of process: Int32) -> String? {
            ProcessStatus(of: process).flatMap { $0.isGone ? nil : String($0.startTime) }
        }

        fileprivate var json: JSONValue {
            [
                "host": .string(host), "process": .integer(Int(process)), "job": job.map { .string($0) } ?? .null,
                "started": .string(started), "machine": .string(machine),
            ]
        }

        fileprivate init(_ fields: Fields) throws {
            host = try fields.string("host")
            process = Int32(clamping: try fields.integer("process"))
            job = fields.json["job"]?.stringValue
            started = try fields.string("started")
            machine = try fields.string("machine")
        }

        private init(host: String, process: Int32, job: String?, started: String, machine: String) {
            self.host = host
            self.process = process
            self.job = job
            self.started = started
            self.machine = machine
        }
    }

    private init(path: String, content: String) {
        self.path = path
        self.content = content
    }

    /// Who holds a run folder at this moment; nil if nobody does. May wait until a silent holder's heart ought to have beaten.
    private static func holder(of run: RunDirectory, deadAfter: Double) -> Holder? {
        let path = run.lockPath
        guard let holder = read(path) else { return nil }
        if holder == .this(host: holder.host, job: holder.job) { return nil }
        if let isAlive = holder.isAlive { return isAlive ? holder : nil }
        guard let first = beat(of: path) else { return nil }
        // The folder's own clock is unknown: what counts is whether the heart beats while this process looks on.
        let began = ContinuousClock.now
        while ContinuousClock.now - began < .seconds(deadAfter) {
            usleep(250_000)
            guard let next = beat(of: path) else { return nil }
            if next != first { return holder }
        }
        return nil
    }

    /// Who holds a run folder as far as can be seen at once, and the seconds since the last heartbeat by this host's clock; nil if
    /// nobody does.
    package static func presence(in run: RunDirectory) -> (holder: Holder, silence: Double)? {
        guard let holder = read(run.lockPath), holder != .unknown, holder.isAlive ?? true,
            let beat = beat(of: run.lockPath)
        else { return nil }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return (holder, max(0, Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9 - Double(beat) * 1e-9))
    }

    /// Returns when nobody holds the run folder; waits some seconds for a holder that is about to end.
    /// - Throws: `RunFolderError.held`.
    package static func waitUntilFree(
        _ run: RunDirectory, patience: Double = 3, deadAfter: Double = RunLock.deadAfter
    ) throws {
        let began = ContinuousClock.now
        while let holder = holder(of: run, deadAfter: deadAfter) {
            guard ContinuousClock.now - began < .seconds(patience) else {
                throw RunFolderError.held(run: run.path, holder: holder.description)
            }
            usleep(200_000)
        }
    }

    /// Takes a run folder, also from a holder that is dead.
    ///
    /// - Parameters:
    ///   - job: of the batch scheduler.
    ///   - deadAfter: seconds without a heartbeat after which a holder that can't be looked at counts as dead.
    /// - Throws: `RunFolderError.held`.
    package static func take(
        _ run: RunDirectory, host: String, job: String?, deadAfter: Double = RunLock.deadAfter
    ) throws -> RunLock {
        try waitUntilFree(run, deadAfter: deadAfter)
        let me = Holder.this(host: host, job: job)
        let lock = RunLock(path: run.lockPath, content: me.json.indentedText)
        if let stale = read(lock.path), stale != me { try lock.clear(stale, in: run) }
        try lock.make(in: run)
        return lock
    }

    /// Takes a stale lock away by a rename, which only one of several takers can do; another's that has just come in its place is
    /// put back.
    private func clear(_ stale: Holder, in run: RunDirectory) throws {
        let aside = "\(run.path)/\(PassingName.of(RunNames.lock, .old))"
        guard rename(path, aside) == 0 else { return }
        defer { unlink(aside) }
        guard let moved = Self.read(aside), moved != stale else { return }
        link(aside, path)
        throw RunFolderError.held(run: run.path, holder: moved.description)
    }

    /// Makes the file under a passing name and links it: it appears whole, and not over another.
    private func make(in run: RunDirectory) throws {
        let passing = "\(run.path)/\(PassingName.of(RunNames.lock, .new))"
        defer { unlink(passing) }
        let file = try OpenFile.creating(passing)
        try file.write(content)
        guard link(passing, path) == 0 else {
            let code = errno
            if code == EEXIST, let other = Self.read(path) {
                if other == Holder.this(host: other.host, job: other.job) { return }
                throw RunFolderError.held(run: run.path, holder: other.description)
            }
            throw FileFormatError.cannotWrite(path: path, code: code)
        }
    }

    /// Shows that the holder is alive. Any thread may call it.
    package func beat() { utimensat(AT_FDCWD, path, nil, 0) }

    /// Gives the run folder free.
    package func release() {
        guard let text = try? FolderCalls.text(of: path), text == content else { return }
        unlink(path)
    }

    /// nil if there is none.
    private static func read(_ path: String) -> Holder? {
        // It appears whole. Twice, since it may have been taken away between the two looks, and a new one put there.
        for _ in 1...2 {
            guard FolderCalls.kind(path) == .file else { return nil }
            if let holder = try? Holder(Fields(of: path)) { return holder }
        }
        return .unknown
    }

    /// The time of a lock's last change.
    private static func beat(of path: String) -> Int64? {
        var status = stat()
        // Opened, since some file systems ask the server only then; not every lock may be.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        guard descriptor >= 0 ? fstat(descriptor, &status) == 0 : stat(path, &status) == 0 else { return nil }
        // A time may be set to any, and only another one counts as a beat: what is too large for Int64 may wrap.
        return Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }
}
