/// The binary tree that a sum over the sequences of a step goes along: the same for any number of ranks, so that the
/// sum has the same bits.
///
/// Its leaves are the sequences 0, 1, …, n - 1 of the step. A node holds consecutive ones, the root all; a node of two
/// or more is the sum of its halves, of which the first has the odd one:
///
///     [0, 5)  =  [0, 3) + [3, 5)        [0, 3)  =  [0, 2) + [2, 3)
///
/// A rank that has some of the sequences adds up the nodes that lie in its share; who puts the shares together adds up
/// the rest. The boundaries of 2 and of 4 ranks (`Shard`) are nodes' boundaries whatever n is.
package enum SumTree {
    /// Where the second half of a node of two or more sequences begins.
    package static func middle(_ node: Range<Int>) -> Int { node.lowerBound + (node.count + 1) / 2 }

    /// The largest nodes of the tree over `leaves` sequences that lie in `rows`: together they are `rows`.
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

    /// How a list of adjoining nodes is added up to those of the tree that lie within them: for each, to how many of
    /// the sums that wait to its left it is added, one after the other, as soon as it is there.
    ///
    /// - Parameter leaves: sequences of the whole tree.
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

    /// As above for nodes that together are a node, which the last of them completes.
    package static func merges(of nodes: [Range<Int>], inside node: Range<Int>) -> [Int] {
        // A node is a tree of its own: it has the shape of any of as many sequences.
        let first = node.lowerBound
        return merges(of: nodes.map { $0.lowerBound - first..<$0.upperBound - first }, of: node.count)
    }

    /// As above, for the sequences of a node one by one.
    package static func merges(inside node: Range<Int>) -> [Int] {
        merges(of: node.map { $0..<$0 + 1 }, inside: node)
    }

    /// What nodes that somebody has add up to: the largest nodes of the tree, and for each which of `nodes` are its
    /// terms and their merges.
    ///
    /// - Parameter nodes: in the order of the sequences; some may be missing between them.
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
