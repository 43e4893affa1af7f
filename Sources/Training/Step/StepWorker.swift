import Recurrent
import Reduction
import Sequences
import Tensors

/// One thread's part of a rank's step: reads its rows, computes them forward and backward, and judges the answers. All that
/// it writes to is its own, but the streams' states: those of its rows.
final class StepWorker {
    private(set) var network: SequenceModel
    private let gradients: GradientBlocks
    private let finishingRanges: [Range<Int>]
    private let state: RecurrentState
    private var source: any SequenceSource
    private let task: any SequenceTask
    private let workspace: Workspace
    private let stepTokens: StepTokens?
    private let options: TrainingConfiguration
    private var batch = Batch()
    /// The rows that `batch` holds.
    private var rowsInBatch: (rows: Range<Int>, step: Int, epoch: Int)?

    /// Of the last step's rows.
    private(set) var result = StepResult()

    /// - Parameter network: on these gradients, which are this worker's own.
    init(
        _ network: SequenceModel, _ gradients: GradientBlocks, _ finishingRanges: [Range<Int>], _ state: RecurrentState,
        _ stepTokens: StepTokens?, task: any SequenceTask, source: any SequenceSource, _ options: TrainingConfiguration
    ) {
        self.network = network
        self.gradients = gradients
        self.finishingRanges = finishingRanges
        self.state = state
        self.source = source
        self.task = task
        self.options = options
        workspace = Workspace(
            for: network.configuration, keepsOutputs: task.criterion != nil, stepTokens: stepTokens)
        self.stepTokens = stepTokens
    }

    /// Lays out a part of the weights for the kernels: after every update, before any worker computes.
    func pack(part: Int, of parts: Int) { network.pack(part: part, of: parts) }

    /// Inserts the tokens of the rows of a step.
    func noteTokens(_ plan: SumPlan.Worker, step: Int, epoch: Int, in set: RowSet) throws {
        for part in plan.parts {
            try read(part.rows, step: step, epoch: epoch)
            for token in batch.tokens { set.insert(Int(token)) }
        }
    }

    private func read(_ rows: Range<Int>, step: Int, epoch: Int) throws {
        if let rowsInBatch, rowsInBatch == (rows, step, epoch) { return }
        rowsInBatch = nil
        try source.read(rows, step: step, epoch: epoch, into: &batch)
        rowsInBatch = (rows, step, epoch)
    }

    /// Forward and backward over the rows of a plan, in its parts: gradients of the summed loss.
    ///
    /// - Parameters:
    ///   - finished: called with the number of each finishing range as soon as it is final.
    func compute(
        _ plan: SumPlan.Worker, step: Int, epoch: Int, finished: (Int) throws -> Void
    ) throws {
        result.clear()
        for (number, part) in plan.parts.enumerated() {
            try read(part.rows, step: step, epoch: epoch)
            result.scored += try network.train(
                batch, state, workspace, dropoutSeed: options.seed, sums: part.sums
            ) { range in
                for join in part.joins {
                    if range == finishingRanges.count - 1, let stepTokens, stepTokens.isFolded {
                        gradients.joinTokenSums(join, in: network.tokenSums(stepTokens))
                    } else {
                        gradients.join(join, in: finishingRanges[range])
                    }
                }
                if number == plan.parts.count - 1 { try finished(range) }
            }
            result.steps += batch.steps
            result.inputRows += part.rows.isEmpty ? 0 : workspace.inputRows
            result.sequenceLosses.append(contentsOf: workspace.sequenceLosses)
            judge(part.rows.count)
        }
    }

    private func judge(_ rows: Int) {
        guard task.criterion != nil else { return }
        var errors = [Float](repeating: 0, count: rows)
        var sums = [Double](repeating: 0, count: task.sumCount)
        task.judge(batch, workspace.scoredOutputs, sums: &sums, sequenceErrors: &errors)
        result.sequenceErrors.append(contentsOf: errors)
    }
}
