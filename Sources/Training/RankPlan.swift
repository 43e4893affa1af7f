import MPI
import Sequences
import Tensors

/// What a rank's workers do in a step of `all` rows, and what the rank leaves for the sum over ranks.
package struct RankPlan: Equatable, Sendable {
    /// Rows of the step over all ranks.
    package let all: Int
    /// One a thread.
    package let workers: [WorkPlan]
    /// By the tree: the sums of the rank's rows, in their order. With several threads they are made of the workers' in blocks behind
    /// those of the first worker.
    package let nodes: [WorkPlan.Node]
    /// Blocks that the rank needs where others read them.
    package let blocks: Int

    /// - Parameters:
    ///   - all: rows of the step over all ranks.
    ///   - parts: that each worker works through its rows in.
    package init(_ rows: Range<Int>, of all: Int, byTree: Bool, threads: Int, parts: Int) {
        self.all = all
        let shares = (0..<threads).map { Shard.rows(rows, part: $0, of: threads) }
        guard byTree else {
            workers = shares.map { .whole($0, parts: parts) }
            nodes = []
            blocks = 1
            return
        }
        workers = shares.map { .byTree($0, parts: parts, of: all) }
        let own = workers[0].blocks
        nodes =
            threads == 1
            ? workers[0].nodes
            : SumTree.nodes(covering: rows, of: all).enumerated().map { WorkPlan.Node(rows: $1, block: own + $0) }
        blocks = own + (threads == 1 ? 0 : nodes.count)
    }

    /// Of a rank of `ranks`, as the options say.
    init(rank: Int, of ranks: Int, rows: Int, _ options: Options, threads: Int) {
        self.init(
            Shard.rows(rows, part: rank, of: ranks), of: rows, byTree: options.sumsByTree, threads: threads,
            parts: options.accumulate)
    }

    /// Gradient blocks that a rank needs in steps of all sizes: in memory that others read, and for each of its workers.
    static func blocks(
        _ source: any SequenceSource, _ options: Options, _ communicator: Communicator, threads: Int
    ) -> (rank: Int, workers: [Int]) {
        var rank = 1
        var workers = [Int](repeating: 1, count: threads)
        for rows in [source.rows(inStep: 0), source.rows(inStep: source.stepsPerEpoch - 1)] {
            let plan = RankPlan(
                rank: communicator.rank, of: communicator.size, rows: rows, options, threads: threads)
            rank = max(rank, plan.blocks)
            for (thread, worker) in plan.workers.enumerated() { workers[thread] = max(workers[thread], worker.blocks) }
        }
        return (rank, workers)
    }

    /// The most gradient blocks that a rank and its other threads have together.
    static func mostBlocks(_ source: any SequenceSource, _ options: Options, ranks: Int, threads: Int) -> Int {
        let rows = source.rows(inStep: 0)
        return (0..<min(ranks, rows)).map { rank in
            let plan = RankPlan(rank: rank, of: ranks, rows: rows, options, threads: threads)
            return plan.blocks + plan.workers.dropFirst().reduce(0) { $0 + $1.blocks }
        }.max() ?? threads
    }
}
