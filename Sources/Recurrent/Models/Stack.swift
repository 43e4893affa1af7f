import Kernels
import Tensors

/// Recurrent layers, one above the other, in one or both directions of time, with dropout on their outputs: forward, and
/// backward below it.
///
/// It reads rows and gives rows, and starts from a carried state: what is below, above and before it belongs to the
/// model. Legend: T window, B sequences, H hidden, D directions.
struct Stack {
    let parts: [LayerPart]
    /// For each layer, one for each direction.
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

    private var directions: Int { parts.count { $0.layer == 0 } }
    private var count: Int { parts.count / directions }

    // MARK: - Forward

    /// Runs all layers over a window and moves the streams' `state` to its end. `memory` is prepared for the batch.
    ///
    /// - Parameter dropoutSeed: the key of the masks; nil keeps every unit.
    func forward(
        _ input: LayerInput, _ batch: Batch, _ state: RecurrentState, _ memory: StackMemory, dropoutSeed: UInt64?
    ) {
        if let dropoutSeed { fillMasks(batch, memory, seed: dropoutSeed) }
        for number in 0..<count {
            let input = number > 0 ? .rows(memory.outputRows(ofLayer: number - 1)) : input
            for index in number * directions..<(number + 1) * directions {
                let activations = memory.layers[index]
                activations.begin(from: state, layer: index, firstStream: batch.firstStream)
                layers[index].forward(own(input, of: parts[index], batch, memory), activations, memory.scratch)
                activations.end(into: state, layer: index, firstStream: batch.firstStream)
                memory.reversal?.join(
                    activations.output, of: parts[index], batch, into: memory.output(ofLayer: number),
                    pitch: memory.pitch)
            }
            if memory.usesDropout { drop(outputOfLayer: number, memory) }
        }
    }

    /// A layer's input in the order in which one of its directions reads it.
    private func own(_ input: LayerInput, of part: LayerPart, _ batch: Batch, _ memory: StackMemory) -> LayerInput {
        guard part.direction == .reverse, let reversal = memory.reversal else { return input }
        guard case .rows(let rows) = input else { preconditionFailure("a folded input is read in one direction") }
        return .rows(reversal.reversed(rows, batch))
    }

    private func fillMasks(_ batch: Batch, _ memory: StackMemory, seed: UInt64) {
        for (index, mask) in memory.masks.enumerated() {
            Dropout.fill(
                mask.pointer, width: directions * layers[0].hiddenSize, pitch: memory.pitch, batch: batch,
                place: index + 1,
                rate: dropout, seed: seed)
        }
    }

    private func drop(outputOfLayer index: Int, _ memory: StackMemory) {
        let dropped = memory.dropped[index][0..<memory.window * memory.sequences * memory.pitch]
        dropped.baseAddress?.update(from: memory.output(ofLayer: index), count: dropped.count)
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
    /// - Parameter finished: called with 0, 1, … when the gradients of the last part, the one before it, … are final.
    func backward(
        _ input: LayerInput, _ batch: Batch, _ memory: StackMemory, _ wanted: Backward,
        finished: (Int) throws -> Void
    ) rethrows -> FloatBlock {
        var (gradient, other) = (memory.between[0], memory.between[1])
        for number in (0..<count).reversed() {
            if memory.usesDropout {
                gradient[0..<memory.window * memory.sequences * memory.pitch]
                    .multiply(by: memory.masks[number].pointer)
            }
            let input = number > 0 ? .rows(memory.outputRows(ofLayer: number - 1)) : input
            let inputGradient = (number > 0 ? memory.pitch : wanted.inputPitch).map {
                ResultRows(other.pointer, pitch: $0)
            }
            for index in (number * directions..<(number + 1) * directions).reversed() {
                backward(index, input, gradient, inputGradient, batch, memory, wanted)
                try finished(layers.count - 1 - index)
            }
            swap(&gradient, &other)
        }
        return gradient
    }

    /// One direction of a layer: the reverse one first, whose gradient of the input the forward one's is added to.
    ///
    /// - Parameters:
    ///   - joined: the gradient of the layer's output, in the order of time; with one direction it holds others
    ///     afterwards.
    ///   - inputGradient: of the layer's input; nil: it is not needed.
    private func backward(
        _ index: Int, _ input: LayerInput, _ joined: FloatBlock, _ inputGradient: ResultRows?, _ batch: Batch,
        _ memory: StackMemory, _ wanted: Backward
    ) {
        let (part, activations) = (parts[index], memory.layers[index])
        let gradient =
            memory.reversal?.gradient(of: part, batch, from: joined.pointer, pitch: memory.pitch) ?? joined.pointer
        activations.beginBackward(from: wanted.states.final, layer: index, firstStream: batch.firstStream, gradient)
        layers[index].backward(
            own(input, of: part, batch, memory), gradient, activations,
            RecurrentLayer.Backward(
                sums: wanted.sums, blockStride: wanted.blockStride, fold: part.layer > 0 ? nil : wanted.fold,
                inputGradient: inputGradient.map { memory.reversal?.inputGradient(of: part) ?? $0 },
                needsInitialState: wanted.states.initial != nil), memory.scratch)
        if let inputGradient, let reversal = memory.reversal {
            reversal.finishInputGradient(of: part, batch, into: inputGradient)
        }
        if let initial = wanted.states.initial {
            activations.endBackward(into: initial, layer: index, firstStream: batch.firstStream)
        }
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
