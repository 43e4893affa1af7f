import FileFormats
import Foundation
import RunFolder
import Synchronization
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

    /// Another process of this machine, which lives until it is killed; from a thread of Swift it inherits that it hears no SIGTERM.
    private func other() throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sleep")
        process.arguments = ["60"]
        try process.run()
        return process
    }

    /// A lock of that process, as it would have written it.
    private func write(holder process: Int32, machine: String? = nil) throws {
        let mine = try RunLock.take(run, host: "here", job: nil)
        let own = try JSONValue(parsing: String(contentsOfFile: path, encoding: .utf8))
        mine.release()
        let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        let fields = stat[stat.index(after: try #require(stat.lastIndex(of: ")")))...].split(separator: " ")
        let lock: JSONValue = [
            "host": "there", "process": .integer(Int(process)), "job": "77", "started": .string(String(fields[19])),
            "machine": .string(machine ?? own["machine"]?.stringValue ?? ""),
        ]
        try lock.indentedText.write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test("it is taken, seen, and given free")
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

    @Test("a living process keeps it, and the message names that")
    func held() throws {
        let process = try other()
        defer { kill(process.processIdentifier, SIGKILL) }
        try write(holder: process.processIdentifier)
        let error = #expect(throws: RunFolderError.self) { try RunLock.take(run, host: "here", job: nil) }
        #expect(
            error?.description
                == "The run folder \(run.path) is in use by process \(process.processIdentifier) on there of job 77; "
                + "accepted: wait for its end, end it with lstm-dist stop \(run.path), or give another --run.")
        #expect(error?.exitCode == 2)
        #expect(RunLock.presence(in: run) != nil)
    }

    @Test("a dead process's is taken over at once, also where its number lives again")
    func dead() throws {
        let process = try other()
        try write(holder: process.processIdentifier)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(RunLock.presence(in: run) == nil)
        try RunLock.take(run, host: "here", job: nil).release()

        let reborn = try other()
        defer { kill(reborn.processIdentifier, SIGKILL) }
        try write(holder: reborn.processIdentifier)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let later = try #require(text.firstMatch(of: /"started": "\d+"/)).output
        try text.replacingOccurrences(of: later, with: "\"started\": \"1\"").write(
            toFile: path, atomically: true, encoding: .utf8)
        try RunLock.take(run, host: "here", job: nil).release()
    }

    @Test("of another machine's lock the heartbeat decides")
    func elsewhere() throws {
        let process = try other()
        defer { kill(process.processIdentifier, SIGKILL) }
        try write(holder: process.processIdentifier, machine: "another boot")
        // A thread of its own: other tests may keep those of tasks busy.
        final class Flag: Sendable { let isOver = Atomic<Bool>(false) }
        let flag = Flag()
        let beating = Thread { [path] in
            while !flag.isOver.load(ordering: .relaxed) {
                utimensat(AT_FDCWD, path, nil, 0)
                usleep(200_000)
            }
        }
        beating.start()
        #expect(throws: RunFolderError.self) { try RunLock.waitUntilFree(run, patience: 1) }
        flag.isOver.store(true, ordering: .relaxed)
    }

    @Test(
        "one that a crash left half written goes when its heart has not beaten",
        arguments: ["", "{", "{\"host\": 5}", "null"])
    func torn(text: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(RunLock.presence(in: run) == nil)
        try RunLock.take(run, host: "here", job: nil, deadAfter: 0.3).release()
        #expect(try FileManager.default.contentsOfDirectory(atPath: run.path) == ["checkpoints"])
    }

    @Test("another machine's goes when its heart has not beaten, also one with a time far ahead")
    func silent() throws {
        let process = try other()
        defer { kill(process.processIdentifier, SIGKILL) }
        for time in [Date.now, Date(timeIntervalSince1970: 5e9)] {
            try write(holder: process.processIdentifier, machine: "another boot")
            try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
            let presence = try #require(RunLock.presence(in: run))
            #expect((0..<10).contains(presence.silence))
            try RunLock.take(run, host: "here", job: nil, deadAfter: 0.3).release()
        }
    }

    @Test("a request to stop is left, read and taken away")
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
