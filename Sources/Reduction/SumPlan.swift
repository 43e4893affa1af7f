package import Tensors

/// The plan of a step for ranks and their workers (threads): which sequences, in which parts, into which gradient
/// blocks.
package enum SumPlan {
    /// How a rank's sequences are divided.
    package struct Division: Equatable, Sendable {
        /// Whether sums follow the tree (`ReductionOptions.Order.reproducible`).
        package let byTree: Bool
        package let threads: Int
        /// The number of parts that each thread divides its sequences into (`training.accumulate`).
        package let parts: Int

        package init(byTree: Bool, threads: Int, parts: Int) {
            self.byTree = byTree
            self.threads = threads
            self.parts = parts
        }
    }

    /// The plan of one worker in a step: the parts that it divides its rows into, and the gradient blocks that their
    /// sums go to.
    ///
    /// Without the tree, all parts are added to one block in turn. With the tree, a block holds the sum of a node.
    /// Blocks whose nodes are siblings are joined as soon as both are complete; at the end, the largest nodes within
    /// the rows remain.
    package struct Worker: Equatable, Sendable {
        package struct Part: Equatable, Sendable {
            package let rows: Range<Int>
            package let sums: GradientSums
            /// Blocks to join when the part's sums are complete, in this order.
            package let joins: [Join]
        }

        /// `block` += `other`, where `other` is the right sibling in the tree.
        package struct Join: Equatable, Sendable {
            package let block: Int
            package let other: Int
        }

        /// A node of the tree and the block with its sum.
        package struct Node: Equatable, Sendable {
            package let rows: Range<Int>
            package let block: Int
        }

        package let parts: [Part]
        /// With tree sums: the nodes that remain at the end, in the order of the rows.
        package let nodes: [Node]
        /// The number of blocks that it needs.
        package let blocks: Int

        /// Sums all rows into one block.
        package static func whole(_ rows: Range<Int>, parts: Int) -> Worker {
            let cut = (0..<parts).map { Shard.rows(rows, part: $0, of: parts) }
            return Worker(
                parts: cut.enumerated().map {
                    Part(rows: $1, sums: .whole(sequences: $1.count, adding: $0 > 0), joins: [])
                }, nodes: [], blocks: 1)
        }

        /// Sums along the tree over the `all` rows of the step.
        package static func byTree(_ rows: Range<Int>, parts: Int, of all: Int) -> Worker {
            var planner = Planner()
            let cut = (0..<parts).map { Shard.rows(rows, part: $0, of: parts) }
            let nodes = cut.map { SumTree.nodes(covering: $0, of: all) }
            var merges = SumTree.merges(of: Array(nodes.joined()), of: all)[...]
            let made = zip(cut, nodes).map { rows, nodes in
                defer { merges = merges.dropFirst(nodes.count) }
                return planner.part(rows, zip(nodes, merges))
            }
            return Worker(parts: made, nodes: planner.waiting, blocks: max(planner.blocks, 1))
        }
    }
}

/// Assigns blocks to nodes in the order in which they are computed.
private struct Planner {
    /// The sums that are complete, in the order of the rows.
    private(set) var waiting: [SumPlan.Worker.Node] = []
    private(set) var blocks = 0
    private var free: [Int] = []

    mutating func part(_ rows: Range<Int>, _ nodes: Zip2Sequence<[Range<Int>], ArraySlice<Int>>) -> SumPlan.Worker.Part
    {
        var sums: [GradientSums.Node] = []
        var joins: [SumPlan.Worker.Join] = []
        for (node, merges) in nodes {
            // Added directly to its sibling, unless that block takes part in a pending join.
            let sibling = merges > 0 ? waiting.last?.block : nil
            let isAdded = sibling.map { block in !joins.contains { $0.block == block } } ?? false
            let block = isAdded ? sibling! : takeBlock()
            sums.append(GradientSums.node(node, first: rows.lowerBound, block: block, adds: isAdded))
            if !isAdded { waiting.append(SumPlan.Worker.Node(rows: node, block: block)) } else { extendLast(by: node) }
            for _ in 0..<merges - (isAdded ? 1 : 0) { joins.append(joinLastTwo()) }
        }
        // Blocks are free for the next part when their joins are done.
        free.append(contentsOf: joins.map(\.other))
        return SumPlan.Worker.Part(rows: rows, sums: GradientSums(sums), joins: joins)
    }

    private mutating func takeBlock() -> Int {
        if let block = free.min() {
            free.removeAll { $0 == block }
            return block
        }
        blocks += 1
        return blocks - 1
    }

    private mutating func extendLast(by node: Range<Int>) {
        let last = waiting.removeLast()
        waiting.append(SumPlan.Worker.Node(rows: last.rows.lowerBound..<node.upperBound, block: last.block))
    }

    private mutating func joinLastTwo() -> SumPlan.Worker.Join {
        let right = waiting.removeLast()
        let left = waiting.removeLast()
        waiting.append(SumPlan.Worker.Node(rows: left.rows.lowerBound..<right.rows.upperBound, block: left.block))
        return SumPlan.Worker.Join(block: left.block, other: right.block)
    }
}
