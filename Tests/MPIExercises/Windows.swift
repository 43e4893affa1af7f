// Shared windows: what one rank writes the others read; and windows that cannot be allocated.

import Glibc
import MPI

/// Two windows at once, whose segments have different sizes: every rank writes to every segment and reads all of them.
func sharedWindow(_ examination: Examination) throws {
    let host = try examination.communicator.splitByHost()
    func bytes(_ rank: Int) -> Int { rank == 1 ? 0 : 8 * host.size * (1 + 3000 * rank) }
    let window = try SharedWindow(on: host, bytes: bytes(host.rank))
    let other = try SharedWindow(on: host, bytes: 8)
    examination.equal(window.segments.map(\.count), (0..<host.size).map(bytes), "the sizes of the segments")
    for segment in window.segments {
        let address = Int(bitPattern: segment.baseAddress)
        examination.equal(address % SharedWindow.alignment, 0, "the offset of a segment in its page")
        examination.require(segment.allSatisfy { $0 == 0 }, "a segment is not zero at first")
    }
    other.segments[host.rank].storeBytes(of: UInt64(1000 + host.rank), as: UInt64.self)
    window.barrier()
    for round in 0..<3 {
        for (rank, segment) in window.segments.enumerated() {
            let elements = segment.bindMemory(to: UInt64.self)
            for index in stride(from: host.rank, to: elements.count, by: host.size) {
                elements[index] = bits(rank: rank + 100 * round, index: index)
            }
        }
        window.barrier()
        for (rank, segment) in window.segments.enumerated() {
            let elements = Array(segment.bindMemory(to: UInt64.self))
            let expected = elements.indices.map { bits(rank: rank + 100 * round, index: $0) }
            examination.equal(elements, expected, "segment \(rank) in round \(round)")
        }
        window.barrier()
    }
    let contents = other.segments.map { $0.load(as: UInt64.self) }
    examination.equal(contents, (0..<host.size).map { UInt64(1000 + $0) }, "the other window")
    try window.free()
    try other.free()
    try host.free()
}

/// A window's barrier returns on no rank before the last has called it, and its counters publish earlier writes.
func sharedCounters(_ examination: Examination) throws {
    let host = try examination.communicator.splitByHost()
    let window = try SharedWindow(on: host, bytes: 8)
    try requireTogether(examination) { window.barrier() }
    let (one, two) = (window.counters(1), window.counters(2))
    let values = window.segments.map { $0.bindMemory(to: Int.self).baseAddress! }  // 8 bytes have an address
    for value in 1...1000 {
        values[host.rank].pointee = 7 * value
        one.advance(to: value)
        one.waitForAll(toReach: value)
        examination.require(one.haveAll(reached: value), "a counter went back")
        examination.equal(
            values.map(\.pointee), [Int](repeating: 7 * value, count: host.size), "values written before the counters")
        two.advance(to: value)
        two.waitForAll(toReach: value)
    }
    // The others wait below until this rank has read the counters.
    examination.require(!two.haveAll(reached: 1001), "a counter is higher than any rank has raised it")
    window.barrier()
    if host.rank == 0 { two.advance(to: 2000) }
    window.barrier()
    examination.equal(two.haveAll(reached: 2000), host.size == 1, "haveAll, with one rank of \(host.size)")
    try window.free()
    try host.free()
}

/// More memory than any host has: every rank throws, nothing hangs, and the next window can be allocated.
func windowRefused(_ examination: Examination) throws {
    let host = try examination.communicator.splitByHost()
    if host.size > 1 {
        do {
            let window = try SharedWindow(on: host, bytes: host.rank == host.size - 1 ? 1 << 50 : 8)
            try window.free()
            examination.require(false, "a petabyte was allocated")
        } catch let failure as AgreedFailure {
            examination.equal(failure.ranksFailed, host.size, "the ranks that were refused")
            examination.require(
                failure.message.contains(" MiB free, the ranks of this host need 1140850"),
                "the message '\(failure.message)'")
        }
    }
    try SharedWindow(on: host, bytes: 8).free()
    try host.free()
}

/// Segments longer than Int32 can count; by hand only: 2 GiB per rank.
func hugeWindow(_ examination: Examination) throws {
    let host = try examination.communicator.splitByHost()
    let count = 1 << 31 + 9
    let window = try SharedWindow(on: host, bytes: count)
    let offsets = [0, 1, 1 << 31 - 1, 1 << 31, count - 1]
    for offset in offsets { window.segments[host.rank][offset] = UInt8(offset % 251 + host.rank) }
    window.barrier()
    for (rank, segment) in window.segments.enumerated() {
        examination.equal(segment.count, count, "the size of a segment")
        for offset in offsets { examination.equal(segment[offset], UInt8(offset % 251 + rank), "byte \(offset)") }
        let sum = segment.reduce(0) { $0 + Int($1) }
        examination.equal(sum, offsets.reduce(0) { $0 + $1 % 251 + rank }, "the sum of all bytes")
    }
    if host.rank == 0 { print("window of \(count) bytes per rank: checked") }
    try window.free()
    try host.free()
}
