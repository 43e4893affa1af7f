import Kernels
import Tensors

/// The memory of an output layer's work on one chunk of steps. It grows to the largest chunk it meets.
package final class OutputScratch {
    /// Panels of steps `[W, steps]`: products, raw outputs, then gradients but for their factors.
    private(set) var outputs = FloatBlock(count: 0)
    /// Each panel's memory for the loss.
    private(set) var lossMemory = FloatBlock(count: 0)
    /// `[steps]`: the factors of each step's outputs (`Loss.setFactors`).
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
    /// How the chunk's pieces are summed: the runs of all, and the end of each piece's.
    private var runs: [LeafRun] = []
    private var ends: [Int] = []

    /// The most steps of a chunk, and so the most whose outputs are in memory at once, of a window with `steps` scored steps.
    package static func mostSteps(_ steps: Int, width: Int, byTree: Bool) -> Int {
        OutputPlan.mostSteps(steps, width: width, byTree: byTree)
    }

    /// Makes the memory large enough for a chunk of the plan.
    func prepare(_ chunk: OutputPlan.Chunk, hiddenSize: Int, _ loss: some Loss, _ scored: ScoredSteps) {
        let steps = chunk.steps.count
        let width = loss.width
        grow(&outputs, wholeVectors(steps) * width)
        grow(&lossMemory, loss.memoryCount(columns: steps, blocks: OutputBlocks.count(width: width)))
        grow(&factors, wholeVectors(steps))
        grow(&hiddenColumns, wholeVectors(steps) * hiddenSize)
        grow(&hiddenGradient, wholeVectors(steps) * hiddenSize)
        runs.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        guard !chunk.pieces.isEmpty else { return }
        grow(&hiddenRows, steps * wholeVectors(hiddenSize + 1))
        grow(&lastColumns, OutputBlocks.length(width: width) * Tuning.leafColumns)
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

    /// Memory for `NarrowHead`.
    func narrow(_ count: Int) -> UnsafeMutablePointer<Float> {
        grow(&outputs, count)
        return outputs.pointer
    }

    private func grow(_ block: inout FloatBlock, _ count: Int) {
        if block.count < count { block = FloatBlock(count: count) }
    }
}
