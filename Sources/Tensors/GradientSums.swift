/// How a pass sums its gradients over the sequences of its batch, and which blocks receive the sums: the contract
/// between the sum over ranks and the model.
package struct GradientSums: Equatable, Sendable {
    /// The sum over consecutive sequences of the batch, or a part of that sum.
    package struct Node: Equatable, Sendable {
        package let sequences: Range<Int>
        /// For each sequence, the number of pending sums that it is added to (`SumTree`); nil: all sequences are one
        /// leaf, whose time steps may be summed in any order.
        package let merges: [Int]?
        /// The index of the gradient block that receives the sum.
        package let block: Int
        /// Whether the sum is added to the block's values, as the right operand; false: it replaces them.
        package let adds: Bool

        package init(sequences: Range<Int>, merges: [Int]?, block: Int, adds: Bool) {
            self.sequences = sequences
            self.merges = merges
            self.block = block
            self.adds = adds
        }
    }

    /// In the order of the sequences, without gaps.
    package let nodes: [Node]

    package init(_ nodes: [Node]) { self.nodes = nodes }

    /// All sequences as one leaf, into the first block.
    package static func whole(sequences: Int, adding: Bool) -> GradientSums {
        GradientSums([Node(sequences: 0..<sequences, merges: nil, block: 0, adds: adding)])
    }

    /// A node of the tree; `first` is the index of the batch's first sequence in the tree.
    package static func node(_ node: Range<Int>, first: Int, block: Int, adds: Bool) -> Node {
        Node(
            sequences: node.lowerBound - first..<node.upperBound - first, merges: SumTree.merges(inside: node),
            block: block, adds: adds)
    }
}
