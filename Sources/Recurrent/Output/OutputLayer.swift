import Kernels
import Tensors

/// What the tensors of an output layer follow from. Legend: H hidden, W outputs.
struct OutputPart: ModelPart {
    /// H.
    let hiddenSize: Int
    /// Its outputs are W.
    let loss: any Loss
    /// Whether the weights are the embedding's, which owns them then.
    let isTied: Bool

    var parameters: [ParameterSpec] {
        (isTied ? [] : [ParameterSpec("output.weight", [loss.width, hiddenSize])])
            + [ParameterSpec("output.bias", [loss.width])] + loss.parameters
    }

    /// 2 H W.
    var flops: Double { 2 * Double(hiddenSize) * Double(loss.width) }
}

/// The linear layer whose outputs are scored, with its loss on top. Legend: H hidden, W outputs.
struct OutputLayer {
    let weight: UnsafeMutablePointer<Float>  // [W, H]
    let bias: UnsafeMutablePointer<Float>  // [W]
    let weightGradient: UnsafeMutablePointer<Float>
    let biasGradient: UnsafeMutablePointer<Float>
    let hiddenSize: Int
    /// The loss's own.
    let lossTensors: [(values: UnsafePointer<Float>, gradient: UnsafeMutablePointer<Float>)]
    private let loss: any Loss

    /// - Parameters:
    ///   - tensors: where the part's tensors are in both blocks.
    ///   - tied: of a tied part: where the embedding is in the parameters, and where its gradient goes.
    init(
        _ part: OutputPart, at tensors: ArraySlice<TensorLayout.Tensor>, parameters: FloatBlock, gradients: FloatBlock,
        tied: (weight: Int, gradient: Int)
    ) {
        let offsets = tensors.map(\.offset)  // weight unless it is tied, bias, the loss's own
        let bias = part.isTied ? 0 : 1
        weight = parameters.pointer + (part.isTied ? tied.weight : offsets[0])
        self.bias = parameters.pointer + offsets[bias]
        weightGradient = gradients.pointer + (part.isTied ? tied.gradient : offsets[0])
        biasGradient = gradients.pointer + offsets[bias]
        lossTensors = offsets[(bias + 1)...].map { (UnsafePointer(parameters.pointer + $0), gradients.pointer + $0) }
        hiddenSize = part.hiddenSize
        loss = part.loss
    }

    /// Computes the outputs at the scored steps of a batch and adds the loss of each to its sequence's in `losses`; in
    /// training also the gradients.
    ///
    /// - Parameters:
    ///   - hidden: `[T B, H]`, the layer's input.
    ///   - outputs: where the outputs go, `[S, W]` row-major: probabilities, or values; nil: nowhere.
    func run(
        _ purpose: OutputPass.Purpose, _ hidden: InputRows, _ scored: ScoredSteps, _ batch: Batch,
        losses: inout [Double], outputs: UnsafeMutablePointer<Float>?, _ chunks: OutputChunks
    ) {
        scored.withTargets(of: batch) { targets in
            loss.run(
                OutputPass(
                    layer: self, purpose: purpose, hidden: hidden, scored: scored, targets: targets, outputs: outputs),
                losses: &losses, chunks)
        }
    }
}

/// What an output layer is to do with a batch: the arguments of its work, which is compiled for each loss.
package struct OutputPass {
    enum Purpose {
        case scoring
        case training(Backward)
    }

    /// Where the gradients of the summed loss go.
    struct Backward {
        /// Those of the hidden rows, at their places: rows of whole vectors.
        let hiddenGradient: ResultRows
        /// How those of the weights are summed over the sequences of the batch.
        let sums: BatchSums
        /// Floats from a gradient block to the next.
        let blockStride: Int
    }

    let layer: OutputLayer
    let purpose: Purpose
    /// `[T B, H]`
    let hidden: InputRows
    let scored: ScoredSteps
    let targets: Targets
    /// `[S, W]`; nil: outputs are not kept.
    let outputs: UnsafeMutablePointer<Float>?
}
