import Kernels
import Tensors

/// Recurrent layers, one above the other, with dropout on their outputs: forward, and backward below it.
///
/// It reads rows and gives rows, and starts from a carried state: what is below, above and before it belongs to the
/// model. Legend: T window, B sequences, H hidden.
struct Stack {
    let layers: [RecurrentLayer]
    /// Share of the units that are dropped in training.
    let dropout: Float

    /// Lays out a part of the weights for the kernels.
    func pack(part: Int, of parts: Int) {
        for layer in layers {
            let tiles = layer.layout.tiles
            layer.pack(part * tiles / parts..<(part + 1) * tiles / parts)
        }
    }

    // MARK: - Forward

    /// Runs all layers over a window and moves the streams' `state` to its end. `memory` is prepared for the batch.
    ///
    /// - Parameter dropoutSeed: the key of the masks; nil keeps every unit.
    func forward(
        _ input: LayerInput, _ batch: Batch, _ state: RecurrentState, _ memory: StackMemory, dropoutSeed: UInt64?
    ) {
        if let dropoutSeed { fillMasks(batch, memory, seed: dropoutSeed) }
        for (index, layer) in layers.enumerated() {
            let activations = memory.layers[index]
            activations.begin(from: state, layer: index, firstStream: batch.firstStream)
            layer.forward(
                index > 0 ? .rows(memory.outputRows(ofLayer: index - 1)) : input, activations, memory.scratch)
            activations.end(into: state, layer: index, firstStream: batch.firstStream)
            if memory.usesDropout { drop(outputOfLayer: index, memory) }
        }
    }

    private func fillMasks(_ batch: Batch, _ memory: StackMemory, seed: UInt64) {
        for (index, mask) in memory.masks.enumerated() {
            Dropout.fill(
                mask.pointer, width: layers[index].hiddenSize, pitch: memory.pitch, batch: batch, place: index + 1,
                rate: dropout, seed: seed)
        }
    }

    private func drop(outputOfLayer index: Int, _ memory: StackMemory) {
        let dropped = memory.dropped[index][0..<memory.window * memory.sequences * memory.pitch]
        dropped.baseAddress?.update(from: memory.layers[index].output, count: dropped.count)
        dropped.multiply(by: memory.masks[index].pointer)
    }

    // MARK: - Backward

    /// Where the gradients of a backward pass come from and go to, but for the output's.
    struct Backward {
        /// How those of the weights are summed over the sequences of the batch.
        let sums: BatchSums
        /// Floats from a gradient block to the next.
        let blockStride: Int
        /// Of a folded input; else nil.
        let fold: RecurrentLayer.Backward.Fold?
        /// Floats from one row of the input's gradient to the next; nil: it is not needed.
        let inputPitch: Int?
        let states: StateGradients
    }

    /// The layers' way back, from the gradient in `memory.outputGradient`. Returns the memory with the gradient of the
    /// input, where that is needed.
    ///
    /// - Parameter finished: called with 0, 1, … when the gradients of the top layer, the next one, … are final.
    func backward(
        _ input: LayerInput, _ batch: Batch, _ memory: StackMemory, _ wanted: Backward,
        finished: (Int) throws -> Void
    ) rethrows -> FloatBlock {
        var (gradient, other) = (memory.between[0], memory.between[1])
        for (index, layer) in layers.enumerated().reversed() {
            if memory.usesDropout {
                gradient[0..<memory.window * memory.sequences * memory.pitch]
                    .multiply(by: memory.masks[index].pointer)
            }
            let activations = memory.layers[index]
            activations.beginBackward(
                from: wanted.states.final, layer: index, firstStream: batch.firstStream, gradient.pointer)
            let pitch = index > 0 ? memory.pitch : wanted.inputPitch
            layer.backward(
                index > 0 ? .rows(memory.outputRows(ofLayer: index - 1)) : input, gradient.pointer, activations,
                RecurrentLayer.Backward(
                    sums: wanted.sums, blockStride: wanted.blockStride, fold: index > 0 ? nil : wanted.fold,
                    inputGradient: pitch.map { ResultRows(other.pointer, pitch: $0) },
                    needsInitialState: wanted.states.initial != nil), memory.scratch)
            if let initial = wanted.states.initial {
                activations.endBackward(into: initial, layer: index, firstStream: batch.firstStream)
            }
            try finished(layers.count - 1 - index)
            swap(&gradient, &other)
        }
        return gradient
    }
}

/// Gradients of the summed loss with respect to carried states, for back-propagation beyond a window: from a decoder
/// into its encoder. Without them it is truncated at both ends of the window.
package struct StateGradients {
    /// With respect to the state after the window, as far as it is used outside of it; nil: zero.
    package var final: RecurrentState?
    /// Receives the gradient with respect to the state before the window; nil: it is not computed.
    package var initial: RecurrentState?

    package init(final: RecurrentState? = nil, initial: RecurrentState? = nil) {
        self.final = final
        self.initial = initial
    }
}
