package import Recurrent
import Tensors

/// What one worker does in a step: the parts that it works through its rows in, and into which gradient blocks their sums go.
///
/// With `reduction: fast` all goes into one block, part after part. By the tree, a block holds the sum of a node; blocks whose nodes
/// are siblings are joined as soon as both are there, and what is left in the end are the largest nodes within the rows.
package struct WorkPlan: Equatable, Sendable {
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
    package static func whole(_ rows: Range<Int>, parts: Int) -> WorkPlan {
        let cut = (0..<parts).map { Shard.rows(rows, part: $0, of: parts) }
        return WorkPlan(
            parts: cut.enumerated().map {
                Part(rows: $1, sums: .whole(sequences: $1.count, adding: $0 > 0), joins: [])
            }, nodes: [], blocks: 1)
    }

    /// By the tree over the `all` rows of the step.
    package static func byTree(_ rows: Range<Int>, parts: Int, of all: Int) -> WorkPlan {
        var planner = Planner()
        let cut = (0..<parts).map { Shard.rows(rows, part: $0, of: parts) }
        let nodes = cut.map { SumTree.nodes(covering: $0, of: all) }
        var merges = SumTree.merges(of: Array(nodes.joined()), of: all)[...]
        let made = zip(cut, nodes).map { rows, nodes in
            defer { merges = merges.dropFirst(nodes.count) }
            return planner.part(rows, zip(nodes, merges))
        }
        return WorkPlan(parts: made, nodes: planner.waiting, blocks: max(planner.blocks, 1))
    }
}

/// Finds blocks for nodes as they come.
private struct Planner {
    /// The sums that are there, in the order of the rows.
    private(set) var waiting: [WorkPlan.Node] = []
    private(set) var blocks = 0
    private var free: [Int] = []

    mutating func part(_ rows: Range<Int>, _ nodes: Zip2Sequence<[Range<Int>], ArraySlice<Int>>) -> WorkPlan.Part {
        var sums: [GradientSums.Node] = []
        var joins: [WorkPlan.Join] = []
        for (node, merges) in nodes {
            // Added to its sibling on the way, unless that one waits for joins itself.
            let sibling = merges > 0 ? waiting.last?.block : nil
            let isAdded = sibling.map { block in !joins.contains { $0.block == block } } ?? false
            let block = isAdded ? sibling! : takeBlock()
            sums.append(GradientSums.node(node, first: rows.lowerBound, block: block, adds: isAdded))
            if !isAdded { waiting.append(WorkPlan.Node(rows: node, block: block)) } else { extendLast(by: node) }
            for _ in 0..<merges - (isAdded ? 1 : 0) { joins.append(joinLastTwo()) }
        }
        // Blocks are free again when their joins are done: for the next part.
        free.append(contentsOf: joins.map(\.other))
        return WorkPlan.Part(rows: rows, sums: GradientSums(sums), joins: joins)
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
        waiting.append(WorkPlan.Node(rows: last.rows.lowerBound..<node.upperBound, block: last.block))
    }

    private mutating func joinLastTwo() -> WorkPlan.Join {
        let right = waiting.removeLast()
        let left = waiting.removeLast()
        waiting.append(WorkPlan.Node(rows: left.rows.lowerBound..<right.rows.upperBound, block: left.block))
        return WorkPlan.Join(block: left.block, other: right.block)
    }
}
