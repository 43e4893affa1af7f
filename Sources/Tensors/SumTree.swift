/// The binary tree of a sum over the sequences of a step. It is the same for any number of ranks, so the sum has the
/// same bits.
///
/// Its leaves are the sequences 0, 1, …, n - 1 of the step. A node holds consecutive sequences, the root all of them. A
/// node of two or more is the sum of its halves, the first of which has the odd one:
///
///     [0, 5)  =  [0, 3) + [3, 5)        [0, 3)  =  [0, 2) + [2, 3)
///
/// A rank sums the nodes inside its share of the sequences; the reduction over ranks sums the remaining nodes. The
/// boundaries of 2 and of 4 ranks (`Shard`) are boundaries of nodes for any n.
package enum SumTree {
    /// The start of the second half of a node of two or more sequences.
    package static func middle(_ node: Range<Int>) -> Int { node.lowerBound + (node.count + 1) / 2 }

    /// The largest nodes of the tree over `leaves` sequences that together cover exactly `rows`.
    package static func nodes(covering rows: Range<Int>, of leaves: Int) -> [Range<Int>] {
        var nodes: [Range<Int>] = []
        func visit(_ node: Range<Int>) {
            guard node.overlaps(rows) else { return }
            if node.lowerBound >= rows.lowerBound, node.upperBound <= rows.upperBound { return nodes.append(node) }
            visit(node.lowerBound..<middle(node))
            visit(middle(node)..<node.upperBound)
        }
        visit(0..<leaves)
        return nodes
    }

    /// The order in which adjacent nodes are summed to the tree's nodes that contain them: for each node, the number of
    /// pending sums to its left that it is added to, one after the other, as soon as it is complete.
    ///
    /// - Parameter leaves: the number of sequences of the whole tree.
    package static func merges(of nodes: [Range<Int>], of leaves: Int) -> [Int] {
        guard let first = nodes.first, let last = nodes.last else { return [] }
        let rows = first.lowerBound..<last.upperBound
        var merges: [Int] = []
        func visit(_ node: Range<Int>) {
            guard node.overlaps(rows) else { return }
            if merges.count < nodes.count, nodes[merges.count] == node { return merges.append(0) }
            precondition(node.count > 1, "nodes of the tree that adjoin")
            visit(node.lowerBound..<middle(node))
            visit(middle(node)..<node.upperBound)
            if node.lowerBound >= rows.lowerBound, node.upperBound <= rows.upperBound { merges[merges.count - 1] += 1 }
        }
        visit(0..<leaves)
        return merges
    }

    /// As above, for nodes that together form `node`, which the last of them completes.
    package static func merges(of nodes: [Range<Int>], inside node: Range<Int>) -> [Int] {
        // A node has the shape of a tree over the same number of sequences.
        let first = node.lowerBound
        return merges(of: nodes.map { $0.lowerBound - first..<$0.upperBound - first }, of: node.count)
    }

    /// As above, for the single sequences of a node.
    package static func merges(inside node: Range<Int>) -> [Int] {
        merges(of: node.map { $0..<$0 + 1 }, inside: node)
    }

    /// A bound of the sums that are pending at once, for `leaves` sequences.
    package static func mostPending(leaves: Int) -> Int { Int.bitWidth - leaves.leadingZeroBitCount + 1 }

    /// Groups nodes by the largest nodes of the tree that they sum to: each with the range of `nodes` that are its
    /// terms, and their merges.
    ///
    /// - Parameter nodes: in the order of the sequences; there may be gaps.
    package static func groups(
        of nodes: [Range<Int>], of leaves: Int
    ) -> [(node: Range<Int>, terms: Range<Int>, merges: [Int])] {
        var groups: [(node: Range<Int>, terms: Range<Int>, merges: [Int])] = []
        var first = 0
        while first < nodes.count {
            var end = first + 1
            while end < nodes.count, nodes[end].lowerBound == nodes[end - 1].upperBound { end += 1 }
            for node in Self.nodes(covering: nodes[first].lowerBound..<nodes[end - 1].upperBound, of: leaves) {
                let count = nodes[first..<end].prefix { $0.upperBound <= node.upperBound }.count
                let terms = first..<first + count
                groups.append((node, terms, merges(of: Array(nodes[terms]), inside: node)))
                first += count
            }
        }
        return groups
    }
}
