import FileFormats
import Foundation
import RunFolder
import TestSupport
import Testing

@Suite struct FailureTests {
    private let folder: TemporaryFolder
    private let run: RunDirectory

    init() throws {
        folder = try TemporaryFolder()
        run = RunDirectory(path: folder.file("x"))
        try run.prepare()
    }

    private func failure(_ rank: Int) -> Failure {
        Failure(rank: rank, host: "node7", step: 12, phase: "training", cause: "it broke", time: "2025-01-01T00:00:00Z")
    }

    @Test("the first failure is kept, later ones are not")
    func first() throws {
        #expect(try run.readFailure() == nil)
        try run.write(failure: failure(2))
        try run.write(failure: failure(0))
        #expect(try run.readFailure() == failure(2))
        #expect(
            try folder.text("x/failure.json") == """
                {
                  "rank": 2,
                  "host": "node7",
                  "step": 12,
                  "phase": "training",
                  "cause": "it broke",
                  "time": "2025-01-01T00:00:00Z"
                }

                """)
        #expect(try folder.names("x") == ["checkpoints", "failure.json"])
    }

    @Test("of failures written at the same time one is kept, and it is complete")
    func race() async throws {
        let run = run
        await withTaskGroup { group in
            for rank in 0..<8 { group.addTask { try? run.write(failure: Self.long(rank)) } }
        }
        let kept = try #require(try run.readFailure())
        #expect(kept == Self.long(kept.rank))
    }

    private static func long(_ rank: Int) -> Failure {
        Failure(
            rank: rank, host: "node7", step: 12, phase: "training",
            cause: String(repeating: "\(rank)", count: 100_000), time: "now")
    }

    private func note(_ rank: Int) -> RankNote {
        RankNote(
            rank: rank, host: "node7", phase: "checkpoint", step: 12, calls: 345, waitingIn: nil, seconds: 1.5, beat: 6,
            asks: false)
    }

    @Test("notes are written, read, replaced and removed, and with the last one their folder")
    func notes() throws {
        #expect(run.ranksWithNotes() == [])
        #expect(run.note(ofRank: 2) == nil)
        try run.write(note: note(123456))
        try run.write(note: note(2))
        #expect(try folder.names("x/ranks") == ["rank-00002.json", "rank-123456.json"])
        #expect(run.ranksWithNotes() == [2, 123456])
        #expect(run.note(ofRank: 2) == note(2))
        var later = note(2)
        later.waitingIn = "MPI_Bcast"
        later.asks = true
        try run.write(note: later)
        #expect(run.note(ofRank: 2) == later)
        try folder.write("{", to: "x/ranks/rank-00002.json")
        #expect(run.note(ofRank: 2) == nil)
        run.removeNote(ofRank: 123456)
        #expect(run.ranksWithNotes() == [2])
        run.removeNote(ofRank: 2)
        #expect(try folder.names("x") == ["checkpoints"])
    }

    @Test("a note isn't written without a run folder")
    func noFolder() throws {
        let elsewhere = RunDirectory(path: folder.file("y"))
        #expect(
            errorText(in: folder) { try elsewhere.write(note: note(1)) }
                == "The folder y/ranks cannot be made: No such file or directory.")
        #expect(try folder.names("") == ["x"])
    }

    @Test("a new job removes the failure and the notes, and nothing else")
    func forget() throws {
        try run.write(failure: failure(2))
        try run.write(note: note(2))
        for name in ["ranks/.rank-00002.json.tmp-17", "ranks/mine.json", "outcome.json"] {
            try folder.write("?", to: "x/\(name)")
        }
        try run.forgetFailure()
        try run.forgetFailure()
        #expect(
            try folder.names("x", deep: true) == ["checkpoints", "outcome.json", "ranks", "ranks/mine.json"])
    }

    @Test("the same environment.json has the same mark, and a different one after it is written again")
    func mark() throws {
        #expect(run.mark == 0)
        try run.write(environment: ["version": "1"])
        let mark = run.mark
        #expect(mark != 0)
        #expect(RunDirectory(path: folder.file("x/../x")).mark == mark)
        try folder.copy("x/environment.json", to: "environment.json")
        #expect(RunDirectory(path: folder.path).mark != mark)
        try run.write(environment: ["version": "1"])
        #expect(run.mark != mark)
    }
}
