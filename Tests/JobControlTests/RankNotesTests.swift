import Foundation
import JobControl
import RunFolder
import Testing

/// Ranks exchange notes in one folder; the test sets the elapsed times.
@Suite("The ranks' notes")
struct RankNotesTests {
    private let folder: URL
    private let run: RunDirectory
    private static let times = GuardTimes(timeout: 300)  // asks after 150 s, a note is stale after 60 s

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "letters-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        run = RunDirectory(path: folder.path)
    }

    private func names() throws -> [String] {
        defer { try? FileManager.default.removeItem(at: folder) }
        return try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
    }

    private func note(_ rank: Int, waits: Bool = false, asks: Bool = false) -> RankNote {
        RankNote(
            rank: rank, host: "n", phase: "training", step: 3, calls: 9, waitingIn: waits ? "MPI_Bcast" : nil,
            seconds: asks ? 151 : 1, beat: 0, asks: asks)
    }

    @Test("nothing is written while no rank asks")
    func quiet() throws {
        var letters = RankNotes(run, rank: 1)
        for _ in 0..<3 { #expect(letters.exchange(note(1, waits: true), Self.times, elapsed: 10) == .init()) }
        #expect(try names() == [])
    }

    @Test("all ranks write notes for a rank that asks, and remove them when it continues")
    func asked() throws {
        var letters = (0..<3).map { RankNotes(run, rank: $0) }
        func exchange(_ rank: Int, asks: Bool = false) -> RankNotes.News {
            letters[rank].exchange(note(rank, waits: asks, asks: asks), Self.times, elapsed: 10)
        }
        #expect(exchange(1, asks: true).notes == [:])
        #expect(exchange(0).asking == 1)
        #expect(exchange(2).asking == 1)
        let news = exchange(1, asks: true)
        #expect(news.asking == nil)
        #expect(news.notes.mapValues(\.step) == [0: 3, 2: 3])
        #expect(run.ranksWithNotes() == [0, 1, 2])
        #expect(exchange(1) == .init())
        #expect(exchange(0) == .init())
        #expect(exchange(2) == .init())
        #expect(try names() == [])
    }

    @Test("of several ranks that ask, the lowest reads the others' notes")
    func lowest() throws {
        var letters = (0..<3).map { RankNotes(run, rank: $0) }
        for round in 0..<3 {
            for rank in [2, 1] {
                let news = letters[rank].exchange(note(rank, waits: true, asks: true), Self.times, elapsed: 10)
                if round > 0 { #expect(news.asking == (rank == 2 ? 1 : nil)) }
                if round > 0 { #expect(Set(news.notes.keys) == (rank == 1 ? [2] : [])) }
            }
        }
        _ = try names()
    }

    @Test("a stale note isn't evidence of its rank, and its request is ignored")
    func stale() throws {
        var dead = RankNotes(run, rank: 0)
        var (first, second) = (RankNotes(run, rank: 1), RankNotes(run, rank: 2))
        func exchange() -> (RankNotes.News, RankNotes.News) {
            (
                first.exchange(note(1, waits: true, asks: true), Self.times, elapsed: 10),
                second.exchange(note(2), Self.times, elapsed: 10)
            )
        }
        _ = dead.exchange(note(0, waits: true, asks: true), Self.times, elapsed: 10)
        for _ in 0..<6 { #expect(exchange().0.asking == 0) }
        let (ofFirst, ofSecond) = exchange()
        #expect(ofFirst.asking == nil)
        #expect(ofFirst.notes.keys.sorted() == [2])
        #expect(ofSecond.asking == 1)
        _ = try names()
    }

    @Test("a failure that one rank has written is reported to the waiting ranks")
    func failure() throws {
        var letters = RankNotes(run, rank: 1)
        try run.write(failure: Failure(rank: 0, host: "n", step: 1, phase: "training", cause: "?", time: "now"))
        #expect(!letters.exchange(note(1, waits: true), Self.times, elapsed: 10).hasFailure)
        #expect(letters.exchange(note(1, waits: true, asks: true), Self.times, elapsed: 10).hasFailure)
        letters.takeBack()
        #expect(try names() == ["failure.json"])
    }
}

@Suite("How a process is seen from outside")
struct ProcessIdentityTests {
    @Test("a process runs, is stopped, has ended, or is on another machine")
    func signs() async throws {
        let current = ProcessIdentity.own
        #expect(current.sign(seenFrom: current.machine) == .goesOn)
        #expect(current.sign(seenFrom: current.machine ^ 1) == nil)
        let later = ProcessIdentity(id: current.id, startTime: current.startTime + 1, machine: current.machine)
        #expect(later.sign(seenFrom: current.machine) == .gone)

        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "kill -STOP $$"]
        try process.run()
        let stat = try String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)
        let start = stat[stat.index(after: stat.lastIndex(of: ")")!)...].split(separator: " ")[19]
        let other = ProcessIdentity(
            id: process.processIdentifier, startTime: UInt64(start)!, machine: current.machine)
        for _ in 0..<200 where other.sign(seenFrom: current.machine) != .stopped {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(other.sign(seenFrom: current.machine) == .stopped)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(other.sign(seenFrom: current.machine) == .gone)
    }
}
