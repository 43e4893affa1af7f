// Small programs that use each collective on real ranks and check every number that comes back.
//
//     mpirun -n 3 MPIExercises list            the names
//     mpirun -n 3 MPIExercises gather          one of them
//     mpirun -n 3 MPIExercises all --piece 7   all that check something, in pieces of 7 elements
//     mpirun -n 2 MPIExercises huge            messages of 2^31 + 5 bytes; by hand: takes 4 GiB a rank
//     mpirun -n 2 MPIExercises huge-window     segments of 2^31 + 9 bytes; by hand: takes 2 GiB a rank
//
// Exit: 0 where all is right, 1 with what was wrong, 2 for a name that is not there.

import Foundation
import MPI
import System

/// One small program: every rank runs it.
struct Exercise: Sendable {
    let name: String
    let run: @Sendable (Examination) throws -> Void

    init(_ name: String, _ run: @escaping @Sendable (Examination) throws -> Void) {
        self.name = name
        self.run = run
    }

    /// Those that check something and return, which `all` runs.
    static let checks = [
        Exercise("allreduce", allreduce), Exercise("reduce", reduce), Exercise("broadcast", broadcast),
        Exercise("gather", gather), Exercise("allgather", allgather), Exercise("scatter", scatter),
        Exercise("exchange", exchange),
        Exercise("barrier", barrier), Exercise("begin-allreduce", beginAllreduce),
        Exercise("begin-broadcast", beginBroadcast), Exercise("begin-barrier", beginBarrier),
        Exercise("values", values), Exercise("split", split), Exercise("split-by-host", splitByHost),
        Exercise("duplicate", duplicate), Exercise("shared-window", sharedWindow),
        Exercise("shared-counters", sharedCounters), Exercise("window-refused", windowRefused),
        Exercise("page", page),
        Exercise("agree", agree), Exercise("error", error), Exercise("once", once),
    ]

    /// Those that end the job in a way of their own, or take long.
    static let endings = [
        Exercise("bad-input", badInput), Exercise("abort", abort), Exercise("abort-unheard", abortUnheard),
        Exercise("wrong", wrong), Exercise("huge", huge),
        Exercise("huge-window", hugeWindow),
    ]
}

@main
enum Program {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        let name = arguments.first ?? "list"
        if name == "abort-before-start" { Job.abort("nothing has been started", code: 4) }
        do {
            let communicator = try Job.start()
            let status = try exitCode(of: name, Array(arguments.dropFirst()), on: communicator)
            Job.finish()
            exit(status)
        } catch {
            Job.abort("\(error)", code: 1)
        }
    }

    /// Every rank has the same failure, so each can leave in order, and one of them speaks.
    private static func exitCode(
        of name: String, _ options: [String], on communicator: Communicator
    ) throws -> Int32 {
        do {
            var communicator = communicator
            communicator.pieceLength = try communicator.agree { try pieceLength(in: options) }
            try run(name, on: communicator)
            return 0
        } catch let failure as AgreedFailure {
            if communicator.isRoot { FileHandle.standardError.write(Data("MPIExercises: \(failure)\n".utf8)) }
            return failure.exitCode
        }
    }

    private static func run(_ name: String, on communicator: Communicator) throws {
        if name == "list" {
            if communicator.isRoot { print((Exercise.checks + Exercise.endings).map(\.name).joined(separator: "\n")) }
            return
        }
        let chosen = name == "all" ? Exercise.checks : (Exercise.checks + Exercise.endings).filter { $0.name == name }
        try communicator.agree {
            if chosen.isEmpty { throw Refusal(what: "There is no exercise '\(name)'; 'list' prints them.") }
        }
        for exercise in chosen {
            let examination = Examination(communicator)
            try exercise.run(examination)
            try communicator.agree {
                guard let first = examination.mismatches.first else { return }
                throw Mismatch(exercise: exercise.name, first: first, count: examination.mismatches.count)
            }
            if communicator.isRoot { print("\(exercise.name): right at n = \(communicator.size)") }
        }
    }

    private static func pieceLength(in arguments: [String]) throws -> Int {
        guard let flag = arguments.firstIndex(of: "--piece") else { return 1000 }
        guard let text = arguments.dropFirst(flag + 1).first, let length = Int(text), length > 0 else {
            throw Refusal(what: "--piece takes a number of elements from 1 on.")
        }
        return length
    }
}

/// A bad command line.
struct Refusal: Error, ExitCoded, CustomStringConvertible {
    let what: String
    var exitCode: Int32 { 2 }
    var description: String { what }
}

/// Numbers that are not what they must be.
struct Mismatch: Error, CustomStringConvertible {
    let exercise: String
    let first: String
    let count: Int
    var description: String { "\(exercise): \(first) (\(count) wrong in all)" }
}
