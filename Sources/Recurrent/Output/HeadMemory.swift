import Kernels
import Tensors

/// The memory of an output layer for one window.
final class HeadMemory {
    private let part: OutputPart
    private let keepsOutputs: Bool
    private(set) var scored = ScoredSteps()
    /// Summed loss of each sequence of the batch, in Double.
    var losses: [Double] = []
    let chunks = OutputChunks()
    private var outputBlock = FloatBlock(count: 0)

    /// - Parameter keepsOutputs: whether the outputs of a whole window are kept.
    init(_ part: OutputPart, keepsOutputs: Bool) {
        self.part = part
        self.keepsOutputs = keepsOutputs
    }

    /// Floats of the memory for windows of this shape in training.
    static func floatCount(
        _ part: OutputPart, window: Int, sequences: Int, byTree: Bool, keepsOutputs: Bool
    ) -> Int {
        let steps = window * sequences
        return OutputChunks.floatCount(part, steps: steps, sequences: sequences, byTree: byTree)
            + (keepsOutputs ? steps * part.loss.width : 0)
    }

    /// `[S, W]`; nil: outputs are not kept.
    var outputs: UnsafeMutablePointer<Float>? { keepsOutputs ? outputBlock.pointer : nil }

    var scoredOutputs: ScoredOutputs {
        precondition(keepsOutputs, "the workspace was made without memory for outputs")
        return ScoredOutputs(
            rows: scored.places, values: UnsafePointer(outputBlock.pointer), width: part.loss.width)
    }

    /// Lists the scored steps of a batch and sets the losses to 0.
    func prepare(for batch: Batch) {
        losses.removeAll(keepingCapacity: true)
        losses.append(contentsOf: repeatElement(0, count: batch.sequences))
        scored.find(in: batch)
        if keepsOutputs, outputBlock.count < scored.count * part.loss.width {
            outputBlock = FloatBlock(count: scored.count * part.loss.width)
        }
    }
}
