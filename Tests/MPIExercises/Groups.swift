// barrier, and communicators made from other communicators.

import Glibc
import MPI

/// No rank leaves `wait` before the last has entered it, by the clock that the processes of one host share.
func requireTogether(_ examination: Examination, _ wait: () throws -> Void) throws {
    let communicator = examination.communicator
    for late in 0..<communicator.size {
        if communicator.rank == late { usleep(30_000) }
        let entered = now()
        try wait()
        let left = now()
        let latest = try communicator.allreduce(entered, .maximum)
        examination.require(left >= latest, "left \(latest - min(left, latest)) ns before rank \(late) entered")
    }
}

func barrier(_ examination: Examination) throws {
    try requireTogether(examination) { try examination.communicator.barrier() }
}

/// Even and odd ranks, in reverse order; then every rank but the last, which gets nil.
func split(_ examination: Examination) throws {
    let communicator = examination.communicator
    let parity = communicator.rank % 2
    let mates = (0..<communicator.size).filter { $0 % 2 == parity }
    let half = try communicator.split(color: parity, key: -communicator.rank)
    examination.equal(half?.size, mates.count, "the size of a half")
    examination.equal(half?.rank, mates.reversed().firstIndex(of: communicator.rank), "the rank in a half")
    examination.equal(half?.pieceLength, communicator.pieceLength, "the piece length of a half")
    if let half {
        let sum = try half.allreduce(Int64(communicator.rank), .sum)
        examination.equal(sum, Int64(mates.reduce(0, +)), "the sum over a half")
        try half.free()
    }

    let isLast = communicator.rank == communicator.size - 1
    let withoutLast = try communicator.split(color: isLast ? nil : 7, key: 0)
    examination.equal(withoutLast?.size, isLast ? nil : communicator.size - 1, "the size without the last")
    examination.equal(withoutLast?.rank, isLast ? nil : communicator.rank, "the rank without the last")
    try withoutLast?.free()
}

/// The ranks of this test run on one host, so the group has all ranks in the same order.
func splitByHost(_ examination: Examination) throws {
    let communicator = examination.communicator
    let host = try communicator.splitByHost()
    examination.equal(host.size, communicator.size, "the ranks on this host")
    examination.equal(host.rank, communicator.rank, "the rank on this host")
    examination.equal(host.isRoot, communicator.rank == 0, "the root on this host")
    examination.equal(host.pieceLength, communicator.pieceLength, "the piece length")
    examination.equal(try host.allreduce(Int64(1), .sum), Int64(communicator.size), "the sum on this host")
    try host.free()
}
