import Tensors

extension SumPlan {
    /// What a rank's workers do in a step of `all` rows, and what the rank leaves for the sum over ranks.
    package struct Rank: Equatable, Sendable {
        /// Rows of the step over all ranks.
        package let all: Int
        /// One a thread.
        package let workers: [Worker]
        /// By the tree: the sums of the rank's rows, in their order. With several threads they are made of the workers' in blocks behind
        /// those of the first worker.
        package let nodes: [Worker.Node]
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
                : SumTree.nodes(covering: rows, of: all).enumerated().map { Worker.Node(rows: $1, block: own + $0) }
            blocks = own + (threads == 1 ? 0 : nodes.count)
        }

        /// The plan of rank `rank` of `ranks` in a step of `rows` rows.
        package init(rank: Int, of ranks: Int, rows: Int, _ division: Division) {
            self.init(
                Shard.rows(rows, part: rank, of: ranks), of: rows, byTree: division.byTree, threads: division.threads,
                parts: division.parts)
        }

        /// Gradient blocks that a rank needs in steps of all sizes: in memory that others read, and for each of its workers.
        ///
        /// - Parameter rows: of each size of step there is, over all ranks.
        package static func blocks(
            rank: Int, of ranks: Int, rows: [Int], _ division: Division
        ) -> (rank: Int, workers: [Int]) {
            var blocks = 1
            var workers = [Int](repeating: 1, count: division.threads)
            for rows in rows {
                let plan = Rank(rank: rank, of: ranks, rows: rows, division)
                blocks = max(blocks, plan.blocks)
                for (thread, worker) in plan.workers.enumerated() {
                    workers[thread] = max(workers[thread], worker.blocks)
                }
            }
            return (blocks, workers)
        }

        /// The most gradient blocks that a rank and its other threads have together, in a step of `rows` rows.
        package static func mostBlocks(ranks: Int, rows: Int, _ division: Division) -> Int {
            (0..<min(ranks, rows)).map { rank in
                let plan = Rank(rank: rank, of: ranks, rows: rows, division)
                return plan.blocks + plan.workers.dropFirst().reduce(0) { $0 + $1.blocks }
            }.max() ?? division.threads
        }
    }
}
