import FileFormats
import Foundation
import RunFolder
import Synchronization
import TestSupport
import Testing

@Suite("The lock of a run folder")
struct RunLockTests {
    private let folder: TemporaryFolder
    private let run: RunDirectory

    init() throws {
        folder = try TemporaryFolder()
        run = RunDirectory(path: folder.path + "/run")
        try run.prepare()
    }

    private var path: String { run.path + "/lock" }

    /// Another process on this machine, which runs until it is killed: it inherits from Swift's threads that SIGTERM is
    /// blocked.
    private func otherProcess() throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sleep")
        process.arguments = ["60"]
        try process.run()
        return process
    }

    /// Writes the lock that this process would have written.
    private func write(holder process: Int32, machine: String? = nil) throws {
        let current = try RunLock.take(run, host: "here", job: nil)
        let contents = try JSONValue(parsing: String(contentsOfFile: path, encoding: .utf8))
        current.release()
        let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        let fields = stat[stat.index(after: try #require(stat.lastIndex(of: ")")))...].split(separator: " ")
        let lock: JSONValue = [
            "host": "there", "process": .integer(Int(process)), "job": "77", "started": .string(String(fields[19])),
            "machine": .string(machine ?? contents["machine"]?.stringValue ?? ""),
        ]
        try lock.indentedText.write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test("a lock can be taken, observed and released")
    func taken() throws {
        #expect(RunLock.presence(in: run) == nil)
        let lock = try RunLock.take(run, host: "node7", job: "12")
        let presence = try #require(RunLock.presence(in: run))
        #expect(presence.holder.description == "process \(getpid()) on node7 of job 12")
        #expect(presence.silence < 5)
        lock.release()
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(try FileManager.default.contentsOfDirectory(atPath: run.path) == ["checkpoints"])
    }

    @Test("a running process keeps its lock, and the message names the process")
    func held() throws {
        let process = try otherProcess()
        defer { kill(process.processIdentifier, SIGKILL) }
        try write(holder: process.processIdentifier)
        let error = #expect(throws: RunFolderError.self) { try RunLock.take(run, host: "here", job: nil) }
        #expect(
            error?.description
                == "The run folder \(run.path) is in use by process \(process.processIdentifier) on there of job 77; "
                + "wait for its end, end it with lstm-dist stop \(run.path), or give another --run.")
        #expect(error?.exitCode == 2)
        #expect(RunLock.presence(in: run) != nil)
    }

    @Test("a dead process's lock is taken over immediately, even if its process id is in use again")
    func dead() throws {
        let process = try otherProcess()
        try write(holder: process.processIdentifier)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(RunLock.presence(in: run) == nil)
        try RunLock.take(run, host: "here", job: nil).release()

        let reused = try otherProcess()
        defer { kill(reused.processIdentifier, SIGKILL) }
        try write(holder: reused.processIdentifier)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let later = try #require(text.firstMatch(of: /"started": "\d+"/)).output
        try text.replacingOccurrences(of: later, with: "\"started\": \"1\"").write(
            toFile: path, atomically: true, encoding: .utf8)
        try RunLock.take(run, host: "here", job: nil).release()
    }

    @Test("a lock of another machine is kept while it has a heartbeat")
    func elsewhere() throws {
        let process = try otherProcess()
        defer { kill(process.processIdentifier, SIGKILL) }
        try write(holder: process.processIdentifier, machine: "another boot")
        repeating { [path] _ in
            utimensat(AT_FDCWD, path, nil, 0)
            usleep(200_000)
        } while: {
            #expect(throws: RunFolderError.self) { try RunLock.waitUntilFree(run, patience: 1) }
        }
    }

    @Test(
        "an incomplete lock without a heartbeat is taken over",
        arguments: ["", "{", "{\"host\": 5}", "null"])
    func torn(text: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(RunLock.presence(in: run) == nil)
        try RunLock.take(run, host: "here", job: nil, deadAfter: 0.3).release()
        #expect(try FileManager.default.contentsOfDirectory(atPath: run.path) == ["checkpoints"])
    }

    @Test("a lock of another machine without a heartbeat is taken over, even if its time is in the future")
    func silent() throws {
        let process = try otherProcess()
        defer { kill(process.processIdentifier, SIGKILL) }
        for time in [Date.now, Date(timeIntervalSince1970: 5e9)] {
            try write(holder: process.processIdentifier, machine: "another boot")
            try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
            let presence = try #require(RunLock.presence(in: run))
            #expect((0..<10).contains(presence.silence))
            try RunLock.take(run, host: "here", job: nil, deadAfter: 0.3).release()
        }
    }

    /// A lock whose process is dead.
    private func writeDead() throws {
        let process = try otherProcess()
        try write(holder: process.processIdentifier)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    private var text: String { get throws { try String(contentsOfFile: path, encoding: .utf8) } }

    @Test("a lock that was taken after a stale one had been found is kept")
    func vacancyGone() throws {
        try writeDead()
        let vacancy = try RunLock.waitUntilFree(run)
        let other = try RunLock.take(run, host: "other", job: nil)
        let before = try text
        #expect(try RunLock.occupy(run, vacancy, host: "here", job: nil) == nil)
        #expect(throws: RunFolderError.self) {
            try RunLock.take(run, host: "here", job: nil, after: vacancy, deadAfter: 0.3)
        }
        #expect(try text == before)
        try other.check()
        // The same after a free one had been found.
        other.release()
        let free = try RunLock.waitUntilFree(run)
        let third = try RunLock.take(run, host: "third", job: nil)
        #expect(try RunLock.occupy(run, free, host: "here", job: nil) == nil)
        try third.check()
        third.release()
        #expect(try FileManager.default.contentsOfDirectory(atPath: run.path) == ["checkpoints"])
    }

    @Test("a holder whose heartbeat resumes after it was found stale keeps its lock")
    func lateBeat() throws {
        let process = try otherProcess()
        defer { kill(process.processIdentifier, SIGKILL) }
        try write(holder: process.processIdentifier, machine: "another boot")
        let vacancy = try RunLock.waitUntilFree(run, deadAfter: 0.3)
        let before = try text
        utimensat(AT_FDCWD, path, nil, 0)
        #expect(try RunLock.occupy(run, vacancy, host: "here", job: nil) == nil)
        #expect(try text == before)
    }

    @Test("of many jobs that take over a stale lock at the same time, one gets it")
    func manyTakers() throws {
        final class Taken: Sendable { let locks = Mutex<[RunLock]>([]) }
        for round in 1...30 {
            try writeDead()
            let vacancy = try RunLock.waitUntilFree(run)
            let taken = Taken()
            let group = DispatchGroup()
            for number in 1...8 {
                group.enter()
                Thread { [run] in
                    if let lock = try? RunLock.occupy(run, vacancy, host: "host\(number)", job: nil) {
                        taken.locks.withLock { $0.append(lock) }
                    }
                    group.leave()
                }.start()
            }
            group.wait()
            let locks = taken.locks.withLock { $0 }
            #expect(locks.count <= 1, "round \(round)")
            // If two claim it at the same moment, neither may get it; the next attempt then succeeds.
            let lock = try locks.first ?? RunLock.take(run, host: "here", job: nil, after: vacancy)
            try lock.check()
            lock.release()
            #expect(try FileManager.default.contentsOfDirectory(atPath: run.path) == ["checkpoints"])
        }
    }

    @Test("a claim of a dead process is ignored; that of a running one is exclusive")
    func claims() throws {
        try writeDead()
        let dead = try text
        let claim = run.path + "/.lock.claim-" + Checksum.sha256(of: dead).prefix(16)
        let living = try otherProcess()
        defer { kill(living.processIdentifier, SIGKILL) }
        try FileManager.default.removeItem(atPath: path)
        try write(holder: living.processIdentifier)
        try FileManager.default.moveItem(atPath: path, toPath: claim)
        try dead.write(toFile: path, atomically: true, encoding: .utf8)
        let found = try RunLock.waitUntilFree(run)
        for _ in 1...3 { #expect(try RunLock.occupy(run, found, host: "here", job: nil) == nil) }
        #expect(try text == dead)
        try dead.write(toFile: claim, atomically: true, encoding: .utf8)
        try RunLock.take(run, host: "here", job: nil, after: found).release()
        #expect(try FileManager.default.contentsOfDirectory(atPath: run.path) == ["checkpoints"])
        // The claim of a lock that no longer exists is removed when the folder is prepared.
        try dead.write(toFile: claim, atomically: true, encoding: .utf8)
        try run.prepare()
        #expect(try FileManager.default.contentsOfDirectory(atPath: run.path) == ["checkpoints"])
    }

    private func loss(of lock: RunLock) -> String? {
        _ = try? lock.check()
        return lock.loss?.description.replacing(run.path, with: "RUN")
    }

    private func sentence(_ reason: String) -> String {
        "The run folder RUN is no longer this job's: \(reason). The job ends without a checkpoint and leaves the folder as it is."
    }

    @Test("a job whose lock was taken over detects it, and neither renews nor releases the new lock")
    func takenOver() throws {
        let lock = try RunLock.take(run, host: "here", job: nil)
        #expect(loss(of: lock) == nil)
        lock.beat()
        let process = try otherProcess()
        defer { kill(process.processIdentifier, SIGKILL) }
        try FileManager.default.removeItem(atPath: path)
        try write(holder: process.processIdentifier)
        let before = try (text, FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date)
        usleep(20_000)
        lock.beat()
        let words =
            "process \(process.processIdentifier) on there of job 77 has taken it over because this job sent no heartbeat for "
            + "some time"
        #expect(loss(of: lock) == sentence(words))
        #expect(lock.loss?.exitCode == 1)
        lock.release()
        let after = try (text, FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date)
        #expect(before == after)
        // It stays lost.
        try FileManager.default.removeItem(atPath: path)
        #expect(loss(of: lock) == sentence(words))
    }

    @Test("a job whose lock was removed, or whose folder was moved, deleted or replaced, detects it")
    func folderGone() throws {
        let manager = FileManager.default
        let removed = try RunLock.take(run, host: "here", job: nil)
        try manager.removeItem(atPath: path)
        #expect(loss(of: removed) == sentence("its file lock was removed"))

        let moved = try RunLock.take(run, host: "here", job: nil)
        try manager.moveItem(atPath: run.path, toPath: run.path + "-moved")
        #expect(loss(of: moved) == sentence("it was moved or deleted"))
        moved.release()
        #expect(manager.fileExists(atPath: run.path + "-moved/lock"), "it may be another job's by now")

        try run.prepare()
        let replaced = try RunLock.take(run, host: "here", job: nil)
        try manager.moveItem(atPath: run.path, toPath: run.path + "-again")
        try manager.copyItem(atPath: run.path + "-again", toPath: run.path)
        #expect(loss(of: replaced) == sentence("it was moved or deleted, and another folder is in its place"))
    }

    @Test("a lock that can't be read for a moment isn't lost")
    func unseen() throws {
        let lock = try RunLock.take(run, host: "here", job: nil)
        try FileManager.default.moveItem(atPath: path, toPath: path + "-aside")
        // A link in its place can't be opened without following it.
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "lock-aside")
        #expect(loss(of: lock) == nil)
    }

    @Test("a checkpoint is not written into a folder of another job")
    func noCheckpoint() throws {
        let maker = try CheckpointMaker()
        let lock = try RunLock.take(maker.run, host: "here", job: nil)
        let writer = CheckpointWriter(run: maker.run, lock: lock)
        try maker.write(10, with: writer)
        try maker.folder.remove("runs/x/lock")
        for _ in 1...2 {
            #expect(throws: RunFolderError.self) { try maker.write(20, with: writer) }
            #expect(throws: RunFolderError.self) { try writer.keep(0) }
            #expect(throws: RunFolderError.self) { try writer.pointBest(to: 10) }
        }
        #expect(try maker.names() == ["latest", "step-00000010"])
    }

    @Test("a copy of a run folder in use is free, and the original stays in use")
    func copied() throws {
        let lock = try RunLock.take(run, host: "here", job: nil)
        let copy = RunDirectory(path: folder.path + "/copy")
        try FileManager.default.copyItem(atPath: run.path, toPath: copy.path)
        #expect(RunLock.presence(in: copy) == nil)
        #expect(RunLock.presence(in: run) != nil)
        try RunLock.take(copy, host: "here", job: nil).release()
        try lock.check()
        #expect(throws: RunFolderError.self) { try RunLock.waitUntilFree(run, patience: 0) }
        lock.release()
    }

    @Test("a holder on another machine with an overdue heartbeat is doubtful; one on this machine is not")
    func doubt() throws {
        let process = try otherProcess()
        defer { kill(process.processIdentifier, SIGKILL) }
        func presence(machine: String?, secondsAgo: Double) throws -> RunLock.Presence {
            try? FileManager.default.removeItem(atPath: path)
            try write(holder: process.processIdentifier, machine: machine)
            try FileManager.default.setAttributes(
                [.modificationDate: Date.now - secondsAgo], ofItemAtPath: path)
            return try #require(RunLock.presence(in: run))
        }
        #expect(try !presence(machine: "another boot", secondsAgo: 10).isDoubtful)
        let doubtful = try presence(machine: "another boot", secondsAgo: 30)
        #expect(doubtful.isDoubtful)
        #expect((29..<40).contains(doubtful.silence))
        #expect(try !presence(machine: nil, secondsAgo: 30).isDoubtful)
    }

    @Test("waiting for a silent holder is reported, and not repeated when the lock is taken")
    func reported() throws {
        let process = try otherProcess()
        defer { kill(process.processIdentifier, SIGKILL) }
        try write(holder: process.processIdentifier, machine: "another boot")
        var reports: [String] = []
        let vacancy = try RunLock.waitUntilFree(run, deadAfter: 7) { reports.append($0) }
        #expect(
            reports == [
                "The run folder \(run.path) is in use by process \(process.processIdentifier) on there of job 77, which is not "
                    + "visible from here and sends no heartbeat; its lock is taken over if none comes within 7 s."
            ])
        let began = ContinuousClock.now
        try RunLock.take(run, host: "here", job: nil, after: vacancy).release()
        #expect(ContinuousClock.now - began < .seconds(3))
    }

    @Test("a stop request is written, read and removed")
    func stopRequest() throws {
        #expect(run.readStopRequest() == nil)
        try run.write(.now)
        #expect(run.readStopRequest() == .now)
        try run.write(.checkpoint)
        #expect(run.readStopRequest() == .checkpoint)
        try "please".write(toFile: run.path + "/stop", atomically: true, encoding: .utf8)
        #expect(run.readStopRequest() == .checkpoint)
        try run.removeStopRequest()
        #expect(run.readStopRequest() == nil)
    }
}
