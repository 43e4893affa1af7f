package import Kernels
import MPI
import Tensors

/// Sums over ranks that share no memory, along the tree: every rank has the sums of some nodes, and afterwards all have the whole.
///
/// The floats are cut into as many parts as there are ranks. Each rank is sent its part of all nodes, adds them up, and sends the sum
/// to all others: as many bytes as an allreduce takes that is cut the same way, and no addition whose order MPI decides.
package final class TreeExchange {
    private let group: Communicator
    /// How many nodes each rank of the group has.
    private var counts: [Int] = []
    /// The nodes of all ranks before it.
    private var starts: [Int] = []
    /// All nodes in the order of the sequences: whose they are, which of the rank's they are, and their merges.
    private var order: [(member: Int, index: Int, merges: Int)] = []
    private var sent = FloatBlock(count: 0)
    private var received = FloatBlock(count: 0)

    /// Floats that are summed at a time: some MiB of messages a rank.
    private static let segment = 1 << 20

    init(_ group: Communicator) { self.group = group }

    /// - Parameters:
    ///   - nodes: of each rank of the group.
    ///   - all: sequences of the step.
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
    ///   - result: where the sums go, at their places; may be among the terms.
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
        let own = parts[group.rank].count
        grow(&sent, nodes.count * floats.count)
        grow(&received, counts.reduce(0, +) * own)
        var place = 0
        for part in parts {
            for terms in nodes {
                terms.withUnsafeBufferPointer { terms in
                    _ = sent[place..<place + part.count].setSum(of: terms, from: part.lowerBound)
                }
                place += part.count
            }
        }
        try group.exchange(
            UnsafeBufferPointer(sent[0..<place]), parts: parts.map { $0.count * nodes.count },
            into: received[0..<counts.reduce(0, +) * own], counts: counts.map { $0 * own })
        let terms = order.map {
            SumTerm(received.pointer + (starts[$0.member] + $0.index) * own, merges: $0.merges)
        }
        let whole = UnsafeMutableBufferPointer(start: result + floats.lowerBound, count: floats.count)
        let mine = parts[group.rank].lowerBound - floats.lowerBound
        terms.withUnsafeBufferPointer { terms in
            _ = UnsafeMutableBufferPointer(rebasing: whole[mine..<mine + own]).setSum(of: terms, from: 0)
        }
        try group.allgather(inPlace: whole, counts: parts.map(\.count))
    }

    private func grow(_ block: inout FloatBlock, _ count: Int) {
        if block.count < count { block = FloatBlock(count: count) }
    }
}
