/// How a pass adds up its gradients over the sequences of its batch, and where it puts the sums.
package struct GradientSums: Equatable, Sendable {
    /// The sum over some consecutive sequences of the batch, or a part of it.
    package struct Node: Equatable, Sendable {
        package let sequences: Range<Int>
        /// Of each sequence, to how many of the sums that wait it is added (`SumTree`); nil: all of them are one leaf, their steps in
        /// the order that suits.
        package let merges: [Int]?
        /// The number of the gradient block that it goes to.
        package let block: Int
        /// Whether it is added to what stands there, from the right.
        package let adds: Bool

        package init(sequences: Range<Int>, merges: [Int]?, block: Int, adds: Bool) {
            self.sequences = sequences
            self.merges = merges
            self.block = block
            self.adds = adds
        }
    }

    /// In the order of the sequences, of which none is left out.
    package let nodes: [Node]

    package init(_ nodes: [Node]) { self.nodes = nodes }

    /// All sequences as one leaf, to the first block.
    package static func whole(sequences: Int, adding: Bool) -> GradientSums {
        GradientSums([Node(sequences: 0..<sequences, merges: nil, block: 0, adds: adding)])
    }

    /// A node of the tree; `first` is the number of the batch's first sequence in it.
    package static func node(_ node: Range<Int>, first: Int, block: Int, adds: Bool) -> Node {
        Node(
            sequences: node.lowerBound - first..<node.upperBound - first, merges: SumTree.merges(inside: node),
            block: block, adds: adds)
    }
}
