package import Kernels
import MPI
import Tensors

/// Sums along the tree over ranks that share no memory: every rank has the sums of some nodes; afterwards all ranks
/// have the sum of the whole.
///
/// The floats are cut into one part for each rank. Each rank receives its part of all nodes, adds them, and sends the
/// sum to all other ranks: the same number of bytes as an allreduce that is cut the same way, without additions whose
/// order MPI decides.
package final class TreeExchange {
    private let group: Communicator
    /// The number of nodes of each rank of the group.
    private var counts: [Int] = []
    /// For each rank, the number of nodes of all ranks before it.
    private var starts: [Int] = []
    /// All nodes in the order of the sequences: the rank that holds the node, its index there, and the number of merges
    /// after it.
    private var order: [(member: Int, index: Int, merges: Int)] = []
    private var sent = FloatBlock(count: 0)
    private var received = FloatBlock(count: 0)

    /// The number of floats that are summed at a time: a few MiB of messages for each rank.
    private static let segment = 1 << 20

    init(_ group: Communicator) { self.group = group }

    /// - Parameters:
    ///   - nodes: the nodes of each rank of the group.
    ///   - all: the number of sequences of the step.
    func prepare(_ nodes: [[Range<Int>]], of all: Int) {
        counts = nodes.map(\.count)
        starts = counts.indices.map { counts[..<$0].reduce(0, +) }
        let whole = nodes.enumerated().flatMap { member, nodes in
            nodes.enumerated().map { (rows: $1, member: member, index: $0) }
        }.sorted { $0.rows.lowerBound < $1.rows.lowerBound }
        order = zip(whole, SumTree.merges(of: whole.map(\.rows), of: all)).map { ($0.member, $0.index, $1) }
    }

    /// Sums a range of floats. Collective (MPI_Alltoallv, MPI_Allgatherv).
    ///
    /// - Parameters:
    ///   - nodes: the terms of each of this rank's nodes.
    ///   - result: the block that receives the sums, at the same offsets; may be one of the terms.
    package func sum(_ floats: Range<Int>, _ nodes: [[SumTerm]], into result: UnsafeMutablePointer<Float>) throws {
        let length = Self.segment / max(counts.max() ?? 1, 1)
        for first in stride(from: floats.lowerBound, to: floats.upperBound, by: length) {
            try sumSegment(first..<min(first + length, floats.upperBound), nodes, into: result)
        }
    }

    private func sumSegment(
        _ floats: Range<Int>, _ nodes: [[SumTerm]], into result: UnsafeMutablePointer<Float>
    ) throws {
        let parts = (0..<group.size).map { Shard.rows(floats, part: $0, of: group.size) }
        let localCount = parts[group.rank].count
        grow(&sent, nodes.count * floats.count)
        grow(&received, counts.reduce(0, +) * localCount)
        var offset = 0
        for part in parts {
            for terms in nodes {
                terms.withUnsafeBufferPointer { terms in
                    _ = sent[offset..<offset + part.count].setSum(of: terms, from: part.lowerBound)
                }
                offset += part.count
            }
        }
        try group.exchange(
            UnsafeBufferPointer(sent[0..<offset]), parts: parts.map { $0.count * nodes.count },
            into: received[0..<counts.reduce(0, +) * localCount], counts: counts.map { $0 * localCount })
        let terms = order.map {
            SumTerm(received.pointer + (starts[$0.member] + $0.index) * localCount, merges: $0.merges)
        }
        let whole = UnsafeMutableBufferPointer(start: result + floats.lowerBound, count: floats.count)
        let localStart = parts[group.rank].lowerBound - floats.lowerBound
        terms.withUnsafeBufferPointer { terms in
            _ = UnsafeMutableBufferPointer(rebasing: whole[localStart..<localStart + localCount]).setSum(
                of: terms, from: 0)
        }
        try group.allgather(inPlace: whole, counts: parts.map(\.count))
    }

    private func grow(_ block: inout FloatBlock, _ count: Int) {
        if block.count < count { block = FloatBlock(count: count) }
    }
}
