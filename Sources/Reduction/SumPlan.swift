package import Tensors

/// What ranks and their workers (threads) do in a step: which sequences, in which parts, into which gradient blocks.
package enum SumPlan {
    /// How a rank's sequences are divided.
    package struct Division: Equatable, Sendable {
        /// Whether sums go along the tree (`ReductionOptions.Order.reproducible`).
        package let byTree: Bool
        package let threads: Int
        /// Parts that each thread works through its sequences in (`training.accumulate`).
        package let parts: Int

        package init(byTree: Bool, threads: Int, parts: Int) {
            self.byTree = byTree
            self.threads = threads
            self.parts = parts
        }
    }

    /// What one worker does in a step: the parts that it works through its rows in, and into which gradient blocks their sums go.
    ///
    /// Without the tree all goes into one block, part after part. By the tree, a block holds the sum of a node; blocks whose nodes
    /// are siblings are joined as soon as both are there, and what is left in the end are the largest nodes within the rows.
    package struct Worker: Equatable, Sendable {
        package struct Part: Equatable, Sendable {
            package let rows: Range<Int>
            package let sums: GradientSums
            /// Blocks to add to others when the part's sums are there, in this order.
            package let joins: [Join]
        }

        /// `block` += `other`, which stands to its right in the tree.
        package struct Join: Equatable, Sendable {
            package let block: Int
            package let other: Int
        }

        /// A node of the tree and where its sum is.
        package struct Node: Equatable, Sendable {
            package let rows: Range<Int>
            package let block: Int
        }

        package let parts: [Part]
        /// By the tree: what the worker leaves, in the order of the rows.
        package let nodes: [Node]
        /// Blocks that it needs.
        package let blocks: Int

        /// All rows into one block.
        package static func whole(_ rows: Range<Int>, parts: Int) -> Worker {
            let cut = (0..<parts).map { Shard.rows(rows, part: $0, of: parts) }
            return Worker(
                parts: cut.enumerated().map {
                    Part(rows: $1, sums: .whole(sequences: $1.count, adding: $0 > 0), joins: [])
                }, nodes: [], blocks: 1)
        }

        /// By the tree over the `all` rows of the step.
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

/// Finds blocks for nodes as they come.
private struct Planner {
    /// The sums that are there, in the order of the rows.
    private(set) var waiting: [SumPlan.Worker.Node] = []
    private(set) var blocks = 0
    private var free: [Int] = []

    mutating func part(_ rows: Range<Int>, _ nodes: Zip2Sequence<[Range<Int>], ArraySlice<Int>>) -> SumPlan.Worker.Part
    {
        var sums: [GradientSums.Node] = []
        var joins: [SumPlan.Worker.Join] = []
        for (node, merges) in nodes {
            // Added to its sibling on the way, unless that one waits for joins itself.
            let sibling = merges > 0 ? waiting.last?.block : nil
            let isAdded = sibling.map { block in !joins.contains { $0.block == block } } ?? false
            let block = isAdded ? sibling! : takeBlock()
            sums.append(GradientSums.node(node, first: rows.lowerBound, block: block, adds: isAdded))
            if !isAdded { waiting.append(SumPlan.Worker.Node(rows: node, block: block)) } else { extendLast(by: node) }
            for _ in 0..<merges - (isAdded ? 1 : 0) { joins.append(joinLastTwo()) }
        }
        // Blocks are free again when their joins are done: for the next part.
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
