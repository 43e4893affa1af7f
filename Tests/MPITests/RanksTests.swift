// The exercises on real ranks: their output, and how they end.

import Foundation
import LaunchSupport
import MPI
import TestSupport
import Testing

/// One run at a time: the ranks of two runs would compete for the cores.
@Suite("MPI on real ranks", .serialized)
struct RanksTests {
    /// The exercises that `all` runs; `list` prints the endings after these.
    static let checks = [
        "allreduce", "broadcast", "gather", "allgather", "scatter", "exchange", "barrier", "begin-allreduce",
        "values", "split", "split-by-host", "shared-window", "shared-counters", "window-refused", "page", "agree",
        "error", "once",
    ]
    static let endings = ["bad-input", "abort", "abort-unheard", "wrong", "huge", "huge-window"]

    private func run(_ arguments: String..., ranks: Int?) async throws -> MPIRun {
        try await MPIRun.run(try BuiltProduct.named("MPIExercises"), arguments, ranks: ranks)
    }

    /// The prefix of the message of a rank that fails on purpose: empty if all ranks failed.
    private func prefix(_ rank: Int, of ranks: Int) -> String {
        ranks == 1 ? "" : "rank \(rank) on \(Job.hostName): "
    }

    @Test(
        "every exercise gets the right values, in one piece and in many",
        arguments: [(1, 1000), (2, 1000), (3, 1000), (4, 1000), (2, 1_000_000), (3, 7), (4, 333)])
    func exercises(ranks: Int, piece: Int) async throws {
        let run = try await run("all", "--piece", "\(piece)", ranks: ranks)
        #expect(run.errors == "")
        #expect(run.output == Self.checks.map { "\($0): right at n = \(ranks)\n" }.joined())
        #expect(run.exitCode == 0)
    }

    @Test("a program started without mpirun is a job of one rank")
    func bare() async throws {
        let run = try await MPIRun.run(
            BuiltProduct.named("MPIExercises"), ["all"], ranks: nil, environment: MPIRun.usualWaits)
        #expect(run.errors == "")
        #expect(run.output == Self.checks.map { "\($0): right at n = 1\n" }.joined())
        #expect(run.exitCode == 0)
    }

    @Test("the list has exactly the exercises that are tested here")
    func list() async throws {
        let run = try await run("list", ranks: 2)
        #expect(run.output == (Self.checks + Self.endings).map { "\($0)\n" }.joined())
        #expect(run.exitCode == 0)
    }

    @Test(
        "a window that can't be allocated ends with a message and without a hang",
        arguments: [
            // A folder without any space, one that does not exist, and an MPI without shared windows.
            ("osc_sm_backing_directory", "/proc", "not enough shared memory in /proc: 0 MiB free, the ranks of"),
            (
                "osc_sm_backing_directory", "/absent",
                "can't create the memory shared by the ranks of this host in /absent: No such file or directory"
            ),
            ("osc", "^sm", "MPI_Win_allocate_shared failed: "),
        ])
    func noWindow(parameter: String, value: String, message: String) async throws {
        let run = try await MPIRun.run(
            try BuiltProduct.named("MPIExercises"), ["shared-window"], ranks: 3,
            environment: ["OMPI_MCA_\(parameter)": value])
        #expect(run.errors.hasPrefix("MPIExercises: \(message)"), "\(run.errors)")
        #expect(run.exitCode == 1)
    }

    @Test("bad input on one rank ends all with its message, printed once, and its exit code", arguments: 1...4)
    func badInput(ranks: Int) async throws {
        let run = try await run("bad-input", ranks: ranks)
        let message = prefix(min(1, ranks - 1), of: ranks) + "data.txt: is empty."
        #expect(run.errors == "MPIExercises: \(message)\n")
        let received = run.output.split(separator: "\n").map(String.init).sorted()
        #expect(received == (0..<ranks).map { "rank \($0) received: \(message)" })
        #expect(run.exitCode == 2)
    }

    @Test("an abort names rank, host and cause, ends all ranks, and loses nothing printed before", arguments: 1...4)
    func abort(ranks: Int) async throws {
        let run = try await run("abort", ranks: ranks)
        let line = "lstm-dist: rank \(min(1, ranks - 1)) on \(Job.hostName): the disk is full."
        #expect(run.errors.split(separator: "\n").filter { $0.hasPrefix("lstm-dist") } == [line[...]])
        if ranks == 1 { #expect(run.output == "printed before the abort\n") }
        #expect(run.exitCode == 3)
    }

    @Test("an abort while MPI is not running prints its cause and exits")
    func abortBeforeStart() async throws {
        let run = try await run("abort-before-start", ranks: nil)
        #expect(run.errors == "lstm-dist: nothing has been started\n")
        #expect(run.output == "")
        #expect(run.exitCode == 4)
    }

    @Test("an abort that mpirun does not react to ends the rank nevertheless")
    func abortUnheard() async throws {
        let run = try StartedRun(try BuiltProduct.named("MPIExercises"), ["abort-unheard"], ranks: 2)
        let ranks = try await run.ranks(2)
        #expect(try await becomesTrue { !StartedRun.lives(ranks[1]) })
        run.resume()
        let ended = try await run.result()
        #expect(ended.exitCode == 3)
        #expect(ended.errors.contains("lstm-dist: rank 1 on \(Job.hostName): mpirun is stopped.\n"))
    }

    @Test("a wrong value on one rank fails the exercise", arguments: 1...4)
    func wrong(ranks: Int) async throws {
        let run = try await run("wrong", ranks: ranks)
        let last = ranks - 1
        let found = "the list[1] is 3 instead of 2, on rank \(last) of \(ranks) (1 wrong in all)"
        #expect(run.errors == "MPIExercises: \(prefix(last, of: ranks))wrong: \(found)\n")
        #expect(run.exitCode == 1)
    }

    @Test("a bad command line is refused by all ranks with one message")
    func refusals() async throws {
        let unknown = try await run("nonsense", ranks: 3)
        #expect(unknown.errors == "MPIExercises: There is no exercise 'nonsense'; 'list' prints them.\n")
        #expect(unknown.exitCode == 2)
        let piece = try await run("values", "--piece", "0", ranks: 3)
        #expect(piece.errors == "MPIExercises: --piece takes a number of elements from 1 on.\n")
        #expect(piece.exitCode == 2)
    }

    @Test("a run that hangs is killed at its time limit; the failure has its output and its processes")
    func timeLimit() async throws {
        let script = "echo $$ | tee -a pids; exec sleep 50"
        let folder = try TemporaryFolder()
        let failure = await #expect(throws: MPIRun.Failure.self) {
            try await MPIRun.run(
                URL(filePath: "/bin/sh"), ["-c", script], ranks: 2, in: URL(filePath: folder.path), limit: .seconds(2))
        }
        let pids = try folder.text("pids").split(separator: "\n")
        let beginning =
            "'mpirun -q -n 2 /bin/sh -c \(script)' did not end within 2.0 seconds and was killed. Processes:\nprocess "
        #expect(failure?.description.hasPrefix(beginning) == true, "\(failure?.description ?? "no failure")")
        #expect(pids.count == 2)
        for pid in pids {
            #expect(failure?.description.contains("\n\(pid)\n") == true)
            #expect(failure?.description.contains("\nprocess \(pid): sleep S in ") == true)
            // A zombie (ended, not yet reaped) has an empty command line.
            let command = try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)
            #expect(command ?? "" == "")
        }
    }

    @Test("a megabyte of output does not block a run")
    func muchOutput() async throws {
        let run = try await MPIRun.run(URL(filePath: "/usr/bin/seq"), ["150000"], ranks: 1)
        #expect(run.output.utf8.count == 938_895)
        #expect(run.exitCode == 0)
    }
}
