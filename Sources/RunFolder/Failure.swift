import FileFormats
import Glibc
import System

/// The contents of failure.json: what ended the last job that worked on the run. Only the first failure is written; its
/// consequences do not replace it.
package struct Failure: Sendable, Equatable {
    /// The rank that failed, or that did not answer the others, and its host.
    package var rank: Int
    package var host: String
    /// Optimiser steps done, and the phase of the job: training, validation, checkpoint …
    package var step: Int
    package var phase: String
    /// A sentence.
    package var cause: String
    /// ISO 8601, in UTC.
    package var time: String

    package init(rank: Int, host: String, step: Int, phase: String, cause: String, time: String) {
        self.rank = rank
        self.host = host
        self.step = step
        self.phase = phase
        self.cause = cause
        self.time = time
    }

    /// One line, whatever the file contains.
    package var description: String {
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

    /// Writes failure.json atomically unless there is one; the first rank wins.
    package func write(failure: Failure) throws {
        guard !hasFailure else { return }
        let temporary = "\(path)/\(TemporaryName.of(RunNames.failure, .new))"
        defer { unlink(temporary) }
        let file = try OpenFile.creating(temporary)
        try file.write(failure.json.indentedText)
        try file.sync()
        // Unlike a rename, a link fails if the name exists.
        if link(temporary, failurePath) != 0, errno != EEXIST {
            guard FolderCalls.meansNoLinks(errno) else {
                throw SystemError.cannotWrite(path: failurePath, code: errno)
            }
            try FolderCalls.move(temporary, to: failurePath)
        }
        try FolderCalls.sync(path)
    }

    /// Whether there is a failure.json.
    package var hasFailure: Bool { FolderCalls.kind(failurePath) != nil }

    /// The contents of failure.json; nil if there is none.
    package func readFailure() throws -> Failure? {
        guard hasFailure else { return nil }
        return try Failure(Fields(of: failurePath))
    }

    /// Removes failure.json and the ranks' notes of the last job, when a new one begins.
    package func forgetFailure() throws {
        try FolderCalls.removeFile(failurePath)
        try removeNotes()
    }
}
