// Messages longer than Int32 can count, in the fewest pieces that MPI allows. By hand only: 4 GiB per rank.

import Glibc
import MPI

func huge(_ examination: Examination) throws {
    var communicator = examination.communicator
    communicator.pieceLength = .max
    let count = 1 << 31 + 5
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: count)
    defer { buffer.deallocate() }

    /// Eight bits from the middle of the index times an odd number: neighbours differ, and so do the two ends.
    func byte(_ index: Int, _ rank: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: (index &* 0x9E37_79B1) >> 17) &+ UInt8(rank)
    }
    func fill(_ rank: Int) {
        for index in 0..<count { buffer[index] = byte(index, rank) }
    }
    func requireAll(_ what: String, _ expected: (Int) -> UInt8) {
        let wrong = (0..<count).first { buffer[$0] != expected($0) }
        examination.require(wrong == nil, "\(what) of \(count) bytes is wrong at \(wrong ?? 0)")
        if communicator.isRoot { print("\(what) of \(count) bytes: checked") }
    }

    fill(communicator.rank)
    try communicator.broadcast(buffer, root: 0)
    requireAll("broadcast") { byte($0, 0) }

    // The maximum, not the sum: Open MPI 4.1 saturates sums of bytes that overflow.
    fill(communicator.rank)
    try communicator.allreduce(buffer, .maximum)
    requireAll("allreduce") { index in (0..<communicator.size).reduce(0) { max($0, byte(index, $1)) } }

    // Rank 0 has the first 1,000 bytes, the ranks in between one byte each, and the last rank the remaining bytes.
    var counts = [Int](repeating: 1, count: communicator.size)
    counts[0] = min(1000, count)
    counts[communicator.size - 1] += count - counts.reduce(0, +)
    let start = counts[..<communicator.rank].reduce(0, +)
    fill(communicator.rank)
    let part = UnsafeBufferPointer(rebasing: buffer[start..<start + counts[communicator.rank]])
    try communicator.gather(part, counts: counts, into: communicator.isRoot ? buffer : nil, root: 0)
    var ends: [Int] = []
    for count in counts { ends.append((ends.last ?? 0) + count) }
    if communicator.isRoot {
        requireAll("gather") { index in byte(index, ends.firstIndex { index < $0 } ?? 0) }
    }
}
