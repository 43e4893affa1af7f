// Small programs that call each collective on real ranks and check every value that is returned.
//
//     mpirun -n 3 MPIExercises list            prints the names
//     mpirun -n 3 MPIExercises gather          runs one exercise
//     mpirun -n 3 MPIExercises all --piece 7   runs all that check something, in pieces of 7 elements
//     mpirun -n 2 MPIExercises huge            messages of 2^31 + 5 bytes; by hand: takes 4 GiB per rank
//     mpirun -n 2 MPIExercises huge-window     segments of 2^31 + 9 bytes; by hand: takes 2 GiB per rank
//
// Exit code: 0 if all values are right, 1 with the first mismatch, 2 for an unknown name.

import Foundation
import MPI
import System

/// One small program, run by every rank.
struct Exercise: Sendable {
    let name: String
    let run: @Sendable (Examination) throws -> Void

    init(_ name: String, _ run: @escaping @Sendable (Examination) throws -> Void) {
        self.name = name
        self.run = run
    }

    /// Exercises that check something and return; `all` runs them.
    static let checks = [
        Exercise("allreduce", allreduce), Exercise("broadcast", broadcast),
        Exercise("gather", gather), Exercise("allgather", allgather), Exercise("scatter", scatter),
        Exercise("exchange", exchange),
        Exercise("barrier", barrier), Exercise("begin-allreduce", beginAllreduce),
        Exercise("values", values), Exercise("split", split), Exercise("split-by-host", splitByHost),
        Exercise("shared-window", sharedWindow),
        Exercise("shared-counters", sharedCounters), Exercise("window-refused", windowRefused),
        Exercise("page", page),
        Exercise("agree", agree), Exercise("error", error), Exercise("once", once),
    ]

    /// Exercises that end the job in a particular way, or take long.
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

    /// Every rank has the same failure, so all exit with the same code, and rank 0 prints the message.
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

/// An exercise's mismatches.
struct Mismatch: Error, CustomStringConvertible {
    let exercise: String
    let first: String
    let count: Int
    var description: String { "\(exercise): \(first) (\(count) wrong in all)" }
}
