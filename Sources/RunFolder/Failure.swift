import FileFormats
import Glibc
import System

/// What ended a job: what failure.json holds, of the last job that worked on the run. The first failure counts; what follows
/// from it is not written over it.
package struct Failure: Sendable, Equatable {
    /// The rank that failed, or that the others have waited for in vain, and its host.
    package var rank: Int
    package var host: String
    /// Optimiser steps done, and what the job was in: training, validation, checkpoint …
    package var step: Int
    package var phase: String
    /// A sentence.
    package var cause: String
    /// As ISO 8601, in UTC.
    package var time: String

    package init(rank: Int, host: String, step: Int, phase: String, cause: String, time: String) {
        self.rank = rank
        self.host = host
        self.step = step
        self.phase = phase
        self.cause = cause
        self.time = time
    }

    /// One line, whatever the file holds.
    package var words: String {
        "rank \(rank) on \(shown(host)), after step \(step), in \(shown(phase)), at \(shown(time)): "
            + shown(cause, limit: 2000)
    }

    var json: JSONValue {
        [
            "rank": .integer(rank), "host": .string(host), "step": .integer(step), "phase": .string(phase),
            "cause": .string(cause), "time": .string(time),
        ]
    }

    init(_ fields: Fields) throws {
        self.init(
            rank: try fields.count("rank"), host: try fields.string("host"), step: try fields.count("step"),
            phase: try fields.string("phase"), cause: try fields.string("cause"), time: try fields.string("time"))
    }
}

extension RunDirectory {
    private var failurePath: String { "\(path)/\(RunNames.failure)" }

    /// Writes failure.json unless there is one; whichever rank comes first, in one piece.
    package func write(failure: Failure) throws {
        guard !hasFailure else { return }
        let passing = "\(path)/\(PassingName.of(RunNames.failure, .new))"
        defer { unlink(passing) }
        let file = try OpenFile.creating(passing)
        try file.write(failure.json.indentedText)
        try file.sync()
        // A link is made only where the name is free, which a renaming does not ask.
        if link(passing, failurePath) != 0, errno != EEXIST {
            guard FolderCalls.meansNoLinks(errno) else {
                throw SystemError.cannotWrite(path: failurePath, code: errno)
            }
            try FolderCalls.move(passing, to: failurePath)
        }
        try FolderCalls.sync(path)
    }

    /// Whether there is a failure.json.
    package var hasFailure: Bool { FolderCalls.kind(failurePath) != nil }

    /// What failure.json says; nil if there is none.
    package func readFailure() throws -> Failure? {
        guard hasFailure else { return nil }
        return try Failure(Fields(of: failurePath))
    }

    /// Removes what told of the last job's end, failure.json and the ranks' notes: another job begins.
    package func forgetFailure() throws {
        try FolderCalls.removeFile(failurePath)
        try removeNotes()
    }
}
