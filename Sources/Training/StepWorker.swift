import Recurrent
import Sequences
import Tensors

/// One thread's part of a rank's step: reads its rows, computes them forward and backward, and judges the answers. All that
/// it writes to is its own, but the streams' states: those of its rows.
final class StepWorker {
    private(set) var network: Network
    private let state: RecurrentState
    private var source: any SequenceSource
    private let task: any SequenceTask
    private let workspace: Workspace
    private let options: Options
    private var batch = Batch()

    /// Of the last step's rows: losses, and steps with and without a score.
    private(set) var tally = Tally()
    private(set) var steps = 0
    /// See `Workspace.inputRows`.
    private(set) var inputRows = 0
    /// Of the last step's rows, for a task with a criterion.
    private(set) var sequenceErrors: [Float] = []

    /// - Parameter network: with gradients of this worker's own.
    init(
        _ network: Network, _ state: RecurrentState, task: any SequenceTask, source: any SequenceSource,
        _ options: Options
    ) {
        self.network = network
        self.state = state
        self.source = source
        self.task = task
        self.options = options
        workspace = Workspace(for: network.configuration, keepsAnswers: task.criterion != nil)
    }

    /// Lays out a part of the weights for the kernels: after every update, before any worker computes.
    func pack(part: Int, of parts: Int) { network.pack(part: part, of: parts) }

    /// Forward and backward over some rows of a step, in `training.accumulate` parts: gradients of the summed loss.
    ///
    /// - Parameter finished: is told each range of gradients as soon as it is final.
    func compute(_ rows: Range<Int>, step: Int, epoch: Int, finished: (Range<Int>) throws -> Void) throws {
        tally = Tally()
        steps = 0
        inputRows = 0
        sequenceErrors.removeAll(keepingCapacity: true)
        for part in 0..<options.accumulate {
            let part = (
                rows: Shard.rows(rows, part: part, of: options.accumulate), isFirst: part == 0,
                isLast: part == options.accumulate - 1
            )
            try source.read(part.rows, step: step, epoch: epoch, into: &batch)
            tally += try network.forwardAndBackward(
                batch, state, workspace, dropoutSeed: options.seed, adding: !part.isFirst
            ) { range in
                if part.isLast { try finished(range) }
            }
            steps += batch.steps
            inputRows += part.rows.isEmpty ? 0 : workspace.inputRows
            judge(part.rows.count)
        }
    }

    private func judge(_ rows: Int) {
        guard task.criterion != nil else { return }
        var errors = [Float](repeating: 0, count: rows)
        var sums = [Double](repeating: 0, count: task.sumCount)
        task.judge(batch, workspace.scoredOutputs, sums: &sums, sequenceErrors: &errors)
        sequenceErrors.append(contentsOf: errors)
    }
}
