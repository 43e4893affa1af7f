import Recurrent
import Reduction
import Sequences
import Tensors

/// One thread's part of a rank's step: reads its rows, runs forward and backward passes, and evaluates the outputs. It
/// writes only to its own memory, except for the streams' states, of which it writes those of its rows.
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
    /// One batch; or one for each part of a step, where tokens are noted before the first part is computed.
    private var batches = [Batch()]
    /// The rows that each batch holds.
    private var rowsInBatch: [(rows: Range<Int>, step: Int, epoch: Int)?] = [nil]

    /// The results of the last step's rows.
    private(set) var result = StepResult()

    /// - Parameter network: uses these gradients, which are this worker's own.
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

    /// Packs a part of the weights for the kernels: after every update, before any worker computes.
    func pack(part: Int, of parts: Int) { network.pack(part: part, of: parts) }

    /// Inserts the tokens of the rows of a step.
    func noteTokens(_ plan: SumPlan.Worker, step: Int, epoch: Int, in set: RowSet) throws {
        for (number, part) in plan.parts.enumerated() {
            let index = try read(part.rows, ofPart: number, step: step, epoch: epoch)
            for token in batches[index].tokens { set.insert(Int(token)) }
        }
    }

    /// Reads a part's rows, unless they have been read for this step. Returns the index of the batch that has them.
    private func read(_ rows: Range<Int>, ofPart number: Int, step: Int, epoch: Int) throws -> Int {
        let index = stepTokens == nil ? 0 : number
        while batches.count <= index {
            batches.append(Batch())
            rowsInBatch.append(nil)
        }
        if let present = rowsInBatch[index], present == (rows, step, epoch) { return index }
        rowsInBatch[index] = nil
        try source.read(rows, step: step, epoch: epoch, into: &batches[index])
        rowsInBatch[index] = (rows, step, epoch)
        return index
    }

    /// Runs forward and backward passes over the rows of a plan, part by part: gradients of the summed loss.
    ///
    /// - Parameters:
    ///   - finished: called with the number of each finishing range as soon as it is final.
    func compute(
        _ plan: SumPlan.Worker, step: Int, epoch: Int, finished: (Int) throws -> Void
    ) throws {
        result.clear()
        let floats = network.configuration.summedFloats(stepTokens)
        for (number, part) in plan.parts.enumerated() {
            let index = try read(part.rows, ofPart: number, step: step, epoch: epoch)
            result.scored += try network.train(
                batches[index], state, workspace, dropoutSeed: options.seed, sums: part.sums
            ) { range in
                for join in part.joins {
                    let summed = finishingRanges[range].clamped(to: floats.gradients)
                    if !summed.isEmpty { gradients.join(join, in: summed) }
                    if range == finishingRanges.count - 1 { gradients.joinBehind(join, in: floats.behind) }
                }
                if number == plan.parts.count - 1 { try finished(range) }
            }
            result.steps += batches[index].steps
            result.inputRows += part.rows.isEmpty ? 0 : workspace.inputRows
            result.sequenceLosses.append(contentsOf: workspace.sequenceLosses)
            evaluate(batches[index])
        }
    }

    private func evaluate(_ batch: Batch) {
        guard task.criterion != nil else { return }
        var errors = [Float](repeating: 0, count: batch.sequences)
        var sums = [Double](repeating: 0, count: task.sumCount)
        task.judge(batch, workspace.scoredOutputs, sums: &sums, sequenceErrors: &errors)
        result.sequenceErrors.append(contentsOf: errors)
    }
}
