import Tensors

/// The sums of losses that ranks exchange in a step: each rank sends one for each node of the tree (`SumTree`) that
/// covers its sequences, so that their number does not grow with the batch, and the total has the same bits for any
/// number of ranks.
package struct LossNodes {
    /// The number of sequences of the step over all ranks.
    package let sequences: Int
    /// This rank's nodes, and the index of the first among those of all ranks.
    private let nodes: [Range<Int>]
    private let first: Int
    /// For each node of all ranks, in order, the number of waiting sums that it is added to.
    private let merges: [Int]

    package init(sequences: Int, rank: Int, of ranks: Int) {
        self.sequences = sequences
        let ofRanks = (0..<ranks).map {
            SumTree.nodes(covering: Shard.rows(sequences, part: $0, of: ranks), of: sequences)
        }
        nodes = ofRanks[rank]
        first = ofRanks[..<rank].reduce(0) { $0 + $1.count }
        merges = SumTree.merges(of: Array(ofRanks.joined()), of: sequences)
    }

    /// The number of nodes of all ranks.
    package var count: Int { merges.count }

    /// Stores the sums of this rank's nodes at their places.
    ///
    /// - Parameter losses: of this rank's sequences, in order.
    package func put(_ losses: [Double], into sums: UnsafeMutablePointer<Double>) {
        guard let start = nodes.first?.lowerBound else { return }
        func sum(_ node: Range<Int>) -> Double {
            guard node.count > 1 else { return losses[node.lowerBound - start] }
            let middle = SumTree.middle(node)
            return sum(node.lowerBound..<middle) + sum(middle..<node.upperBound)
        }
        for (index, node) in nodes.enumerated() { sums[first + index] = sum(node) }
    }

    /// The sum over all sequences, from the sums of all ranks' nodes.
    ///
    /// - Parameter waiting: memory that is used again in each step.
    package func total(of sums: UnsafePointer<Double>, _ waiting: inout [Double]) -> Double {
        waiting.removeAll(keepingCapacity: true)
        for (index, merges) in merges.enumerated() {
            var sum = sums[index]
            for _ in 0..<merges { sum = waiting.removeLast() + sum }
            waiting.append(sum)
        }
        return waiting.first ?? 0
    }
}
