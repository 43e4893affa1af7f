// MPI errors, errors that the ranks agree on, and the ends of a job.

import Glibc
import MPI
import System

/// Thrown by an exercise on purpose.
private struct Trouble: Error, ExitCoded, CustomStringConvertible {
    let description: String
    let exitCode: Int32
}

/// An error without a description or an exit code.
private enum Plain: Error { case wentWrong }

/// The failure that all ranks throw when the ranks in `failing` throw `error`; nil if nothing was thrown.
private func outcome(
    _ communicator: Communicator, failing: [Int], _ error: (Int) -> any Error
) throws -> AgreedFailure? {
    do {
        let result = try communicator.agree {
            if failing.contains(communicator.rank) { throw error(communicator.rank) }
            return communicator.rank + 10
        }
        if result == communicator.rank + 10 { return nil }
        return AgreedFailure(
            rank: -1, host: "", message: "agree returned \(result)", exitCode: 0, ranksFailed: 0, ranks: 0)
    } catch let failure as AgreedFailure {
        return failure
    }
}

func agree(_ examination: Examination) throws {
    let communicator = examination.communicator
    let (size, last) = (communicator.size, communicator.size - 1)
    let one = min(1, last)
    func trouble(_ rank: Int) -> Trouble { Trouble(description: "rank \(rank) stumbled", exitCode: Int32(rank + 20)) }
    func expected(_ rank: Int, _ failed: Int) -> AgreedFailure {
        AgreedFailure(
            rank: rank, host: Job.hostName, message: "rank \(rank) stumbled", exitCode: Int32(rank + 20),
            ranksFailed: failed, ranks: size)
    }

    examination.equal(try outcome(communicator, failing: [], trouble), nil, "with no failure")
    examination.equal(try outcome(communicator, failing: [one], trouble), expected(one, 1), "with one failure")
    examination.equal(try outcome(communicator, failing: [last], trouble), expected(last, 1), "with the last failing")
    examination.equal(
        try outcome(communicator, failing: Array(one...last), trouble), expected(one, last - one + 1), "with several")
    examination.equal(try outcome(communicator, failing: Array(0...last), trouble), expected(0, size), "with all")
    let plain = AgreedFailure(
        rank: one, host: Job.hostName, message: "wentWrong", exitCode: 1, ranksFailed: 1, ranks: size)
    examination.equal(try outcome(communicator, failing: [one]) { _ in Plain.wentWrong }, plain, "a plain error")
}

/// Calls that MPI refuses immediately, on each rank separately; the communicator still works afterwards.
func error(_ examination: Examination) throws {
    func refused(_ expected: MPIError, _ call: () throws -> Void) throws {
        do {
            try call()
            examination.require(false, "\(expected.call) was not refused")
        } catch let error as MPIError {
            examination.equal(error, expected, "the error")
            let sentence = "\(expected.call) failed: \(expected.text) (error code \(expected.code))."
            examination.equal(error.description, sentence, "the sentence")
        }
    }
    let noRank = MPIError(call: "MPI_Bcast", code: 8, text: "MPI_ERR_ROOT: invalid root")
    let noOperation = MPIError(call: "MPI_Allreduce", code: 10, text: "MPI_ERR_OP: invalid reduce operation")
    let copy = try examination.communicator.split(color: 0, key: 0)
    examination.require(copy != nil, "the split returned no communicator")
    for communicator in [examination.communicator, copy].compactMap({ $0 }) {
        try refused(noRank) { _ = try communicator.broadcast(Int64(1), root: communicator.size) }
        try refused(noRank) { _ = try communicator.broadcast(Int64(1), root: 1 << 40) }
        try refused(noOperation) { _ = try communicator.allreduce(Float(1), .bitwiseOr) }
        examination.equal(try communicator.allreduce(Int64(1), .sum), Int64(communicator.size), "a sum afterwards")
    }
    try copy?.free()
    try refused(MPIError(call: "MPI_Comm_free", code: 5, text: "MPI_ERR_COMM: invalid communicator")) {
        try examination.communicator.free()
    }
}

func once(_ examination: Examination) throws {
    examination.equal(Job.isRunning, true, "isRunning")
    do {
        _ = try Job.start()
        examination.require(false, "the second start was not refused")
    } catch {
        let text = "MPI is already running in this process, and can be started only once"
        examination.equal(error, MPIError(call: "MPI_Init_thread", code: 16, text: text), "the error")
    }
    let communicator = examination.communicator
    examination.equal(try communicator.allreduce(Int64(1), .sum), Int64(communicator.size), "a sum")
}

/// One rank cannot read its file: each rank prints the failure it received, and the job ends with that error's exit
/// code.
func badInput(_ examination: Examination) throws {
    let communicator = examination.communicator
    do {
        try communicator.agree {
            if communicator.rank == min(1, communicator.size - 1) {
                throw Trouble(description: "data.txt: is empty.", exitCode: 2)
            }
        }
    } catch let failure as AgreedFailure {
        print("rank \(communicator.rank) received: \(failure)")
        throw failure
    }
}

/// One rank aborts the job while the others wait for it.
func abort(_ examination: Examination) throws {
    let communicator = examination.communicator
    if communicator.isRoot { print("printed before the abort") }
    if communicator.rank == min(1, communicator.size - 1) { Job.abort("the disk is full.", code: 3) }
    try communicator.barrier()
}

/// One rank aborts the job while mpirun is stopped and kills no process.
func abortUnheard(_ examination: Examination) throws {
    let communicator = examination.communicator
    if communicator.rank == communicator.size - 1 {
        kill(getppid(), SIGSTOP)
        Job.abort("mpirun is stopped.", code: 3, patience: 1)
    }
    try communicator.barrier()
}

/// The page counts the calls that can wait, and stores the program's phase and steps.
func page(_ examination: Examination) throws {
    let communicator = examination.communicator
    Job.page.note(phase: 5)
    Job.page.note(steps: 17)
    let before = Job.page.sample
    examination.equal(before.call, nil, "the call between two calls")
    try communicator.barrier()
    var ones: [Int64] = [1]
    try ones.withUnsafeMutableBufferPointer {
        let request = try communicator.beginAllreduce($0, .sum)
        while try !request.test() {}
    }
    _ = try communicator.allreduce(Int64(1), .sum)
    let after = Job.page.sample
    examination.equal(after.calls, before.calls + 2, "calls that can wait")
    examination.equal([after.phase, after.steps], [5, 17], "phase and steps")
    Job.page.note(phase: 0)
    Job.page.note(steps: 0)
}

/// A wrong value on one rank is found, reported and counted.
func wrong(_ examination: Examination) throws {
    let isLast = examination.communicator.rank == examination.communicator.size - 1
    examination.equal([1, isLast ? 3 : 2], [1, 2], "the list")
}
