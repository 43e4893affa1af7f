import Kernels
package import MPI
import System
package import Tensors

/// Sums a step's gradients over all ranks. Each rank ends up with the sums of the ranges it owns; without shared memory
/// every rank owns all ranges.
///
/// As far as possible, sums run concurrently with the backward pass (`begin`). The gradients stay sums: the update
/// divides them by the count (`StepSums.Total.scale`), so that ranks with unequal shares average correctly.
package final class StepReduction {
    private let communicator: Communicator
    private let reduction: GradientReduction
    private let finishingRanges: [Range<Int>]
    private let memory: StepMemory
    private let division: SumPlan.Division
    private let exchange: TreeExchange?
    /// The host of each rank.
    private let hostOfRank: [Int]
    /// The hosts of the exchange's ranks, in their order; a rank that shares no memory counts as a host.
    private let exchangingHosts: [Int]
    /// Ranges of the bias gradients. Each sums the gradients of a gate or logit over all steps, so a NaN anywhere in a
    /// pass appears here.
    private let biases: [Range<Int>]
    /// This rank's plan of the step.
    package private(set) var plan: SumPlan.Rank
    private var plannedRows = 0
    /// Seconds spent in `begin` since the last `finish`.
    private var begunSeconds = 0.0
    /// Whether this rank's bias gradients of the step were finite before sums over ranks overwrote them.
    package private(set) var hadFiniteBiases = true

    /// The squared Euclidean norm of the summed gradients, and the seconds that this rank spent in sums: during the
    /// backward pass, and in total.
    package typealias Result = (squaredNorm: Double, begunSeconds: Double, seconds: Double)

    /// Collective (MPI_Allgather).
    ///
    /// - Parameters:
    ///   - team: the threads that share this rank's sums.
    ///   - layout: the layout of the parameters and of each gradient block.
    ///   - finishingRanges: the ranges of a gradient block, in the order in which the backward pass finishes them.
    ///   - input: derives the last range's gradients from other sums; nil: they are summed like the others.
    package init(
        _ communicator: Communicator, _ team: ThreadTeam, _ memory: StepMemory, _ division: SumPlan.Division,
        layout: TensorLayout, finishingRanges: [Range<Int>], input: (any InputReduction)?
    ) throws {
        self.communicator = communicator
        self.memory = memory
        self.division = division
        self.finishingRanges = finishingRanges
        var between = GradientReduction.BetweenHosts.oneHost
        var exchange: TreeExchange?
        var exchangingHosts: [Int] = []
        hostOfRank = try communicator.allgather(Int64(memory.hostNumber())).map { Int($0) }
        if division.byTree {
            if memory.isApart {
                let group: Communicator? = if let sharing = memory.sharing { sharing.hosts.peers } else { communicator }
                exchange = group.map { TreeExchange($0) }
                if let group {
                    exchangingHosts = try group.allgather(Int64(hostOfRank[communicator.rank])).map { Int($0) }
                }
                between = .tree(exchange)
            }
        } else if let sharing = memory.sharing {
            if sharing.hosts.count > 1 { between = .allreduce(sharing.hosts.peers) }
        } else if communicator.size > 1 {
            between = .plainAllreduce(communicator)
        }
        self.exchange = exchange
        self.exchangingHosts = exchangingHosts
        biases = layout.tensors.filter { $0.shape.count == 1 }.map(\.range)
        reduction = GradientReduction(memory, team, between, ranges: finishingRanges, count: layout.count, input: input)
        plan = SumPlan.Rank(0..<0, of: 0, byTree: false, threads: team.count, parts: 1)
    }

    /// The ranges that this rank updates: those whose sums it holds.
    package var localRanges: [Range<Int>] { reduction.localRanges }

    /// Plans a step with `rows` sequences over all ranks.
    package func prepare(rows: Int) {
        hadFiniteBiases = true
        guard rows != plannedRows else { return }
        plannedRows = rows
        let plans = (0..<communicator.size).map {
            SumPlan.Rank(rank: $0, of: communicator.size, rows: rows, division)
        }
        plan = plans[communicator.rank]
        guard division.byTree else { return }
        // The nodes that the ranks of a host hold, and the larger nodes that these form together.
        func host(_ host: Int) -> (nodes: [(rank: Int, node: SumPlan.Worker.Node)], groups: [SumGroup]) {
            let nodes = plans.indices.filter { hostOfRank[$0] == host }.flatMap { rank in
                plans[rank].nodes.map { (rank: rank, node: $0) }
            }
            return (nodes, SumTree.groups(of: nodes.map(\.node.rows), of: rows))
        }
        let local = host(hostOfRank[communicator.rank])
        reduction.setNodes(
            local.groups.map { group in
                zip(local.nodes[group.terms], group.merges).map { node, merges in
                    SumTerm(memory.gradientBlock(node.node.block, ofRank: node.rank, hostOfRank), merges: merges)
                }
            })
        exchange?.prepare(exchangingHosts.map { host($0).groups.map(\.node) }, of: rows)
    }

    private typealias SumGroup = (node: Range<Int>, terms: Range<Int>, merges: [Int])

    /// Announces that finishing range number `finished` of this rank's gradients is final, and sums the ranges that all
    /// ranks have finished. Every rank calls it once for each range, in their order.
    package func begin(_ finished: Int) throws {
        let start = secondsNow()
        if memory.isApart { checkBiases(finishingRanges[finished]) }
        try reduction.announce(finished)
        begunSeconds += secondsNow() - start
    }

    /// Between hosts, sums overwrite a rank's own gradients. Non-finite ones must be detected before that; checking the
    /// biases alone costs next to nothing.
    private func checkBiases(_ finished: Range<Int>) {
        for biases in biases where biases.overlaps(finished) {
            for block in plan.nodes.isEmpty ? [0] : plan.nodes.map(\.block) {
                let values = UnsafeBufferPointer(
                    start: memory.gradients.pointer(block) + biases.lowerBound, count: biases.count)
                if !values.allSatisfy(\.isFinite) { hadFiniteBiases = false }
            }
        }
    }

    /// Sums the remaining ranges. Collective (MPI function: `StepMemory.messages`), after `begin` for all ranges and
    /// after all ranks have met.
    package func finish() throws -> Result {
        let start = secondsNow()
        defer { begunSeconds = 0 }
        let squaredNorm = try reduction.finish()
        return (squaredNorm, begunSeconds, begunSeconds + secondsNow() - start)
    }

    /// Calls `body` with each chunk (`TensorChunks`) of the ranges that this rank updates, divided among its threads.
    package func forEachLocalChunk(_ body: (_ chunk: Int, _ floats: Range<Int>) -> Void) {
        reduction.forEachLocalChunk(body)
    }

    /// Returns when every rank that shares the parameters has called it: after a pass over its ranges. Collective.
    package func meet() throws { try reduction.wait() }
}
