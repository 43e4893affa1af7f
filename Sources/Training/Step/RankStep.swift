import Kernels
import Recurrent
import Reduction
import Sequences
import Tensors

/// A rank's forward and backward passes of a step, divided among its threads: each computes a part of the rank's rows,
/// as ranks compute parts of the step's, with its own gradients; then all threads sum the gradients.
///
/// Threads compute consecutive rows in order, so their concatenated results are in the order of the rows.
final class RankStep {
    private let team: ThreadTeam
    private let workers: [StepWorker]
    /// The gradients of each worker; the first worker's are the rank's.
    private let gradients: [GradientBlocks]
    private let finishingRanges: [Range<Int>]
    private let sumsByTree: Bool
    /// The tokens of the step over all ranks, if gradients are summed along the tree.
    private let stepTokens: StepTokens?
    /// The gradients of all workers, by thread.
    private let termsInOrder: [SumTerm]
    /// The plan that `nodeTerms` belong to, and the workers' terms of each of its nodes; stored so that a step
    /// allocates nothing.
    private var summedPlan: SumPlan.Rank?
    private var nodeTerms: [(terms: [SumTerm], block: Int)] = []

    /// The results of the last step's rows.
    private(set) var result = StepResult()

    /// - Parameters:
    ///   - network: uses the rank's gradients.
    ///   - finishingRanges: of a gradient block (`NetworkConfiguration.finishingRanges`).
    ///   - blocks: the number of blocks that each thread's worker needs.
    init(
        _ team: ThreadTeam, _ network: SequenceModel, _ gradients: GradientBlocks, _ finishingRanges: [Range<Int>],
        blocks: [Int], _ state: RecurrentState, _ stepTokens: StepTokens?, task: any SequenceTask,
        source: any SequenceSource, _ options: TrainingConfiguration
    ) {
        self.team = team
        let sizes = network.configuration
        // Each thread allocates its own worker, for NUMA locality (first touch).
        let parts = team.map { thread -> (worker: StepWorker, gradients: GradientBlocks) in
            let localGradients =
                thread == 0
                ? gradients
                : GradientBlocks(blocks[thread], stride: gradients.stride, embedding: sizes.embeddingShape)
            let worker = StepWorker(
                thread == 0
                    ? network
                    : network.with(
                        gradients: localGradients.memory, blockStride: localGradients.stride,
                        gradientRows: localGradients.rows),
                localGradients, finishingRanges, state, stepTokens, task: task, source: source, options)
            return (worker, localGradients)
        }
        workers = parts.map(\.worker)
        self.gradients = parts.map(\.gradients)
        termsInOrder = SumTerm.inOrder(parts.map { UnsafePointer($0.gradients.pointer(0)) })
        sumsByTree = options.sumsByTree
        self.stepTokens = stepTokens
        self.finishingRanges = finishingRanges
    }

    /// The rank's network, packed since the last step.
    var network: SequenceModel { workers[0].network }

    /// Packs the changed weights for the kernels.
    ///
    /// - Parameters:
    ///   - part: this rank's part of the work, which is divided among the ranks that share the packed weights.
    ///   - parts: the number of these ranks.
    func pack(part: Int, of parts: Int) {
        team.run { thread in workers[thread].pack(part: part * team.count + thread, of: parts * team.count) }
    }

    /// Inserts the tokens of the rank's rows of a step.
    func noteTokens(_ plan: SumPlan.Rank, step: Int, epoch: Int, in set: RowSet) throws {
        for (worker, plan) in zip(workers, plan.workers) {
            try worker.noteTokens(plan, step: step, epoch: epoch, in: set)
        }
    }

    /// Reads the rank's rows of a step, leaves the gradients of their summed loss in the rank's blocks as planned, and
    /// sets `result`.
    ///
    /// - Parameters:
    ///   - finished: called with the number of each finishing range, in their order, as soon as the rank's gradients
    ///     are final there: with several threads, after their sum.
    func compute(
        _ plan: SumPlan.Rank, step: Int, epoch: Int, finished: (Int) throws -> Void
    ) throws {
        if team.count == 1 {
            try workers[0].compute(plan.workers[0], step: step, epoch: epoch, finished: finished)
        } else {
            try team.attempt { thread in
                try workers[thread].compute(plan.workers[thread], step: step, epoch: epoch) { _ in }
            }
            addUpGradients(plan)
            for number in finishingRanges.indices { try finished(number) }
        }
        result.clear()
        for worker in workers { result.append(worker.result) }
    }

    /// Sums the gradients over the threads.
    private func addUpGradients(_ plan: SumPlan.Rank) {
        for rows in gradients[0].rows { rows.touchAll() }
        guard sumsByTree else {
            return team.setSum(
                of: termsInOrder, 0..<network.configuration.layout.count, into: gradients[0].pointer(0))
        }
        if summedPlan != plan { prepareSums(plan) }
        let floats = network.configuration.summedFloats(stepTokens)
        for (terms, block) in nodeTerms {
            let result = gradients[0].pointer(block)
            team.setSum(of: terms, floats.gradients, into: result)
            if !floats.behind.isEmpty { team.setSum(of: terms, floats.behind, into: result) }
        }
    }

    private func prepareSums(_ plan: SumPlan.Rank) {
        summedPlan = plan
        let nodes = zip(plan.workers, gradients).flatMap { worker, blocks in
            worker.nodes.map { (rows: $0.rows, start: UnsafePointer(blocks.pointer($0.block))) }
        }
        nodeTerms = zip(SumTree.groups(of: nodes.map(\.rows), of: plan.all), plan.nodes).map { group, node in
            (zip(nodes[group.terms], group.merges).map { SumTerm($0.start, merges: $1) }, node.block)
        }
    }
}
