import Kernels
import Tensors

/// What the output layer needs beside the hidden rows, for one chunk of steps. It grows to the largest chunk it meets.
final class OutputScratch {
    /// Panels of steps `[W, steps]`: logits, exponentials, then gradients but for a factor; or values, then their gradients.
    private(set) var answers = FloatBlock(count: 0)
    /// Each panel's memory for softmax.
    private(set) var softmax = FloatBlock(count: 0)
    /// `[steps]`: what each step's answers are to be multiplied by: softmax's factors, or 1 for values.
    private(set) var factors = FloatBlock(count: 0)
    /// Panels of steps `[H, steps]`: the hidden rows, transposed.
    private(set) var hiddenColumns = FloatBlock(count: 0)
    /// Panels of H + 1 columns `[steps, columns]`: the hidden rows times their factors, and these.
    private(set) var hiddenRows = FloatBlock(count: 0)
    /// Panels of steps `[H, steps]`: the gradient of the hidden rows, transposed.
    private(set) var hiddenGradient = FloatBlock(count: 0)
    /// A block's gradients of the weights' last columns and of the bias.
    private(set) var lastColumns = FloatBlock(count: 0)
    /// Sums that wait for others.
    let stack = FloatBlock(count: leafStackCount)
    var plan = OutputPlan()
    /// The class of each step.
    private var targets: [Int32] = []
    /// How the chunk's pieces are summed: their runs, and where each piece's end.
    private var runs: [LeafRun] = []
    private var ends: [Int] = []

    /// Makes room for a chunk of the plan.
    func prepare(_ chunk: OutputPlan.Chunk, hiddenSize: Int, width: Int, _ scored: ScoredSteps) {
        let steps = chunk.steps.count
        let blocks = OutputLayer.blockCount(width: width)
        grow(&answers, wholeVectors(steps) * width)
        grow(&softmax, ColumnSoftmax.memoryCount(columns: steps, blocks: blocks))
        grow(&factors, wholeVectors(steps))
        grow(&hiddenColumns, wholeVectors(steps) * hiddenSize)
        grow(&hiddenGradient, wholeVectors(steps) * hiddenSize)
        // A copy: who holds the original would make it be copied when it changes.
        targets.removeAll(keepingCapacity: true)
        targets.append(contentsOf: scored.targets[chunk.steps])
        runs.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        guard !chunk.pieces.isEmpty else { return }
        grow(&hiddenRows, steps * wholeVectors(hiddenSize + 1))
        grow(&lastColumns, OutputLayer.blockLength(width: width) * Tuning.leafColumns)
        for piece in chunk.pieces {
            OutputPlan.appendRuns(of: plan.pieces[piece], scored, in: chunk.steps, width: width, to: &runs)
            ends.append(runs.count)
        }
    }

    /// The runs of a piece, counted from the chunk's first.
    func withRuns(ofPiece piece: Int, _ body: (UnsafeBufferPointer<LeafRun>) -> Void) {
        runs.withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[(piece > 0 ? ends[piece - 1] : 0)..<ends[piece]]))
        }
    }

    /// Room for `NarrowOutput`.
    func narrow(_ count: Int) -> UnsafeMutablePointer<Float> {
        grow(&answers, count)
        return answers.pointer
    }

    func withTargets(_ panel: Range<Int>, _ body: (UnsafePointer<Int32>) -> Void) {
        targets.withUnsafeBufferPointer { all in
            guard let first = all.baseAddress else { return }
            body(first + panel.lowerBound)
        }
    }

    private func grow(_ block: inout FloatBlock, _ count: Int) {
        if block.count < count { block = FloatBlock(count: count) }
    }
}
