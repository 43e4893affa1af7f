import FileFormats
import Glibc
import System

/// What a rank is doing, written by that rank for the others: `ranks/rank-00002.json`.
package struct RankNote: Sendable, Equatable {
    package var rank: Int
    package var host: String
    /// The phase of the program: training, validation, checkpoint …
    package var phase: String
    /// Optimiser steps done.
    package var step: Int
    /// The number of calls so far that can wait for other ranks.
    package var calls: Int
    /// The call in which the rank waits for others; nil if it does something else.
    package var waitingIn: String?
    /// Seconds since any of the above has changed.
    package var seconds: Double
    /// Incremented with every note, so that a reader can tell a live process from one that has stopped.
    package var beat: Int
    /// Whether it has waited so long that it asks the others to write their notes, too.
    package var asks: Bool

    package init(
        rank: Int, host: String, phase: String, step: Int, calls: Int, waitingIn: String?, seconds: Double, beat: Int,
        asks: Bool
    ) {
        self.rank = rank
        self.host = host
        self.phase = phase
        self.step = step
        self.calls = calls
        self.waitingIn = waitingIn
        self.seconds = seconds
        self.beat = beat
        self.asks = asks
    }

    var json: JSONValue {
        [
            "rank": .integer(rank), "host": .string(host), "phase": .string(phase), "step": .integer(step),
            "calls": .integer(calls), "waiting_in": waitingIn.map { .string($0) } ?? .null,
            "seconds": .number((seconds * 10).rounded() / 10), "beat": .integer(beat), "asks": .boolean(asks),
        ]
    }

    init(_ fields: Fields) throws {
        self.init(
            rank: try fields.count("rank"), host: try fields.string("host"), phase: try fields.string("phase"),
            step: try fields.count("step"), calls: try fields.count("calls"),
            waitingIn: fields.json["waiting_in"]?.stringValue,
            seconds: try fields.value("seconds", "0 to 1e9") { json in
                json.numberValue.flatMap { (0...1e9).contains($0) ? $0 : nil }
            }, beat: try fields.count("beat"),
            asks: try fields.value("asks", "true or false") { $0.booleanValue })
    }
}

/// The ranks' notes: the one part of a run folder that ranks other than 0 write, and only while one of them waits. A
/// note need not survive a crash of the machine, so nothing here is synced.
extension RunDirectory {
    private var notesPath: String { "\(path)/\(RunNames.ranks)" }
    private func notePath(_ rank: Int) -> String { "\(notesPath)/\(RunNames.note(ofRank: rank))" }

    /// Replaces the rank's note atomically. The run folder must exist.
    package func write(note: RankNote) throws {
        try FolderCalls.makeOne(notesPath)
        let temporary = "\(notesPath)/\(TemporaryName.of(RunNames.note(ofRank: note.rank), .new))"
        do {
            try OpenFile.creating(temporary).write(note.json.indentedText)
            try FolderCalls.move(temporary, to: notePath(note.rank))
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// The ranks that have a note, ascending; empty without a folder of notes.
    package func ranksWithNotes() -> [Int] {
        ((try? FolderCalls.entries(of: notesPath)) ?? []).compactMap { RunNames.rank(ofNote: $0) }.sorted()
    }

    /// A rank's note; nil if there is none or it can't be read.
    package func note(ofRank rank: Int) -> RankNote? { try? RankNote(Fields(of: notePath(rank))) }

    /// Removes the rank's note, and with the last note their folder.
    package func removeNote(ofRank rank: Int) {
        try? FolderCalls.removeFile(notePath(rank))
        try? FolderCalls.removeIfEmpty(notesPath)
    }

    /// Removes all notes when a job begins; if their folder is a link, removes only the link.
    package func removeNotes() throws {
        if FolderCalls.kind(notesPath) == .link { return try FolderCalls.removeFile(notesPath) }
        for entry in try FolderCalls.entries(of: notesPath)
        where RunNames.rank(ofNote: TemporaryName(entry)?.name ?? entry) != nil {
            try FolderCalls.removeFile("\(notesPath)/\(entry)")
        }
        try FolderCalls.removeIfEmpty(notesPath)
    }
}
