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

func beginBarrier(_ examination: Examination) throws {
    try requireTogether(examination) {
        let request = try examination.communicator.beginBarrier()
        while try !request.test() {}
    }
    try requireTogether(examination) { try examination.communicator.beginBarrier().wait() }
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

/// Two collectives under way at once, begun in opposite order on odd ranks: they meet only because each has its own
/// communicator.
func duplicate(_ examination: Examination) throws {
    let communicator = examination.communicator
    let copy = try communicator.duplicate()
    examination.equal(copy.size, communicator.size, "the size of the copy")
    examination.equal(copy.rank, communicator.rank, "the rank in the copy")
    examination.equal(copy.pieceLength, communicator.pieceLength, "the piece length of the copy")

    let one = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 3000)
    let two = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 3000)
    defer {
        one.deallocate()
        two.deallocate()
    }
    one.initialize(repeating: 1)
    two.initialize(repeating: 1000)
    let isOdd = communicator.rank % 2 == 1
    let early = try (isOdd ? copy : communicator).beginAllreduce(isOdd ? two : one, .sum)
    let late = try (isOdd ? communicator : copy).beginAllreduce(isOdd ? one : two, .sum)
    while try !early.test() || !late.test() {}
    let size = Int64(communicator.size)
    examination.equal(Array(one), [Int64](repeating: size, count: 3000), "the sum on the communicator")
    examination.equal(Array(two), [Int64](repeating: 1000 * size, count: 3000), "the sum on its copy")
    try copy.free()
}
