import Kernels
package import Tensors

/// Embedding, recurrent layers and output layer over parameters and gradients that are handed in.
///
/// Legend: T window, B sequences of this rank, E embedding, H hidden. It owns no weights: both blocks are laid out by
/// `configuration.layout`, belong to the caller and must outlive it. The carried state and the activations are values
/// of their own (`RecurrentState`, `Workspace`).
package struct Network {
    package let configuration: NetworkConfiguration
    private let parameters: FloatBlock
    let gradients: FloatBlock
    private let gradientRows: [GradientRows]
    /// Floats from one gradient block to the next.
    private let blockStride: Int
    let embedding: Embedding?
    let layers: [RecurrentLayer]
    private let output: OutputLayer
    /// The revision of the parameters that the packed weights were made from.
    private var packedRevision: Int?

    /// - Parameters:
    ///   - gradients: the first gradient block; others may follow it (`GradientSums`).
    ///   - blockStride: floats from one gradient block to the next.
    ///   - gradientRows: of each block's embedding (`NetworkConfiguration.embeddingShape`), for who wants to know which rows
    ///     a pass has reached; nil: nobody does, and nothing is known of what the gradients hold.
    ///   - packed: `NetworkConfiguration.packedCount` floats for the packed weights, which networks on the same parameters
    ///     may have in common; nil: memory of its own.
    package init(
        _ configuration: NetworkConfiguration, parameters: FloatBlock, gradients: FloatBlock,
        blockStride: Int = 0, gradientRows: [GradientRows]? = nil, packed: FloatBlock? = nil
    ) {
        var place = 0
        func make(_ count: Int) -> FloatBlock {
            guard let packed else { return FloatBlock(count: count) }
            defer { place += TensorLayout.wholeLines(count) }
            return FloatBlock(borrowing: packed.pointer + place, count: count, owner: packed)
        }
        self.init(
            configuration, parameters: parameters, gradients: gradients, blockStride: blockStride,
            gradientRows: gradientRows,
            packed: configuration.recurrentLayers.map { RecurrentLayer.Packed($0.gateLayout, make) })
    }

    /// The same network with gradients of its own: parameters and packed weights are there once. For a thread that computes
    /// beside others, each on streams, a workspace and gradients of its own.
    package func with(gradients: FloatBlock, blockStride: Int = 0, gradientRows: [GradientRows]? = nil) -> Network {
        Network(
            configuration, parameters: parameters, gradients: gradients, blockStride: blockStride,
            gradientRows: gradientRows, packed: layers.map(\.packed))
    }

    /// - Parameter packed: of each layer, the packed weights.
    private init(
        _ configuration: NetworkConfiguration, parameters: FloatBlock, gradients: FloatBlock,
        blockStride: Int, gradientRows: [GradientRows]?, packed: [RecurrentLayer.Packed]
    ) {
        let layout = configuration.layout
        precondition(
            parameters.count == layout.count && gradients.count >= layout.count,
            "the blocks have \(parameters.count) and \(gradients.count) floats, the layout \(layout.count)")
        self.configuration = configuration
        self.parameters = parameters
        self.gradients = gradients
        let shape = configuration.embeddingShape
        let gradientRows =
            gradientRows
            ?? [GradientRows(touched: RowSet(rows: shape.rows), width: shape.width, isZero: false)]
        self.gradientRows = gradientRows
        self.blockStride = blockStride
        let tensors = configuration.modelLayout.tensors(ofPart:)
        let firstLayer = configuration.embedding == nil ? 0 : 1
        embedding = configuration.embedding.map { part in
            Embedding(
                part, at: tensors(0), parameters: parameters, gradients: gradients, gradientRows: gradientRows,
                blockStride: blockStride)
        }
        layers = zip(configuration.recurrentLayers, packed).map { part, packed in
            RecurrentLayer(
                part, at: tensors(firstLayer + part.layer), parameters: parameters, gradients: gradients,
                packed: packed)
        }
        output = OutputLayer(
            configuration.output, at: tensors(firstLayer + configuration.layers), parameters: parameters,
            gradients: gradients)
    }

    /// A packed network for forward passes alone: without memory for gradients.
    package static func forScoring(_ configuration: NetworkConfiguration, _ parameters: FloatBlock) -> Network {
        // Only `backward` writes to the gradients.
        var network = Network(configuration, parameters: parameters, gradients: parameters)
        network.pack()
        return network
    }

    /// Lays the weights out for the kernels. Needed after every change of the parameters, before the next forward pass.
    package mutating func pack() { pack(part: 0, of: 1) }

    /// A part of that work, for threads that share it: each does a part, on a network of its own (`with`), and all have to
    /// end before one goes on to a pass.
    package mutating func pack(part: Int, of parts: Int) {
        for layer in layers {
            let tiles = layer.layout.tiles
            layer.pack(part * tiles / parts..<(part + 1) * tiles / parts)
        }
        packedRevision = parameters.revision
    }

    /// Scores a window: moves the streams' `state` to the window's end and fills `workspace`, the losses among it.
    ///
    /// - Parameters:
    ///   - state: holds at least the batch's streams; its zero state for sequences that begin here.
    ///   - dropoutSeed: the key of the masks, in training; nil leaves every unit in.
    /// - Returns: the number of scored steps.
    package func forward(
        _ batch: Batch, _ state: RecurrentState, _ workspace: Workspace, dropoutSeed: UInt64? = nil
    ) -> Int {
        guard propagate(batch, state, workspace, dropoutSeed, nil, nil) else { return 0 }
        return runHead(.scoring, batch, workspace)
    }

    /// As `forward`, and then back-propagation through time over the window: gradients of the *summed* loss, by `sums` added to
    /// gradient blocks or put in place of what stands there.
    ///
    /// One verb for both ways, because the output layer goes there and back chunk by chunk (see `OutputLayer`).
    ///
    /// - Parameters:
    ///   - sums: how gradients are added up over the sequences.
    ///   - tokens: of the step over all ranks. Where they say so, the gradients of embedding and first input weights are left to
    ///     `setInputWeightGradient` and `setEmbeddingGradient`, and a block has the sums that it wants (`NetworkConfiguration.tokenSumsOffset`).
    ///   - finished: called with the number of each finishing range, in their order, as soon as this pass no longer writes to
    ///     it (`NetworkConfiguration.finishingRanges`).
    package func forwardAndBackward(
        _ batch: Batch, _ state: RecurrentState, _ workspace: Workspace, dropoutSeed: UInt64? = nil,
        sums: GradientSums, tokens: StepTokens? = nil, finished: (Int) throws -> Void
    ) rethrows -> Int {
        precondition(gradients !== parameters, "a network for scoring has no gradients")
        guard propagate(batch, state, workspace, dropoutSeed, sums, tokens) else {
            for node in sums.nodes where !node.adds { clearGradients(ofBlock: node.block) }
            for number in 0...layers.count + (embedding == nil ? 0 : 1) { try finished(number) }
            return 0
        }
        let gradient = ResultRows(workspace.between[0].pointer, pitch: workspace.hiddenPitch)
        if !workspace.allRowsAreScored {
            gradient.pointer.update(
                repeating: 0, count: workspace.window * workspace.sequences * workspace.hiddenPitch)
        }
        let scored = runHead(
            .training(
                OutputPass.Backward(hiddenGradient: gradient, sums: workspace.sums, blockStride: blockStride)),
            batch, workspace)
        try finished(0)
        try backward(batch, workspace, tokens, finished)
        return scored
    }

    private func clearGradients(ofBlock block: Int) {
        let start = gradients.pointer + block * blockStride
        gradientRows[block].clear(start)
        let shape = configuration.embeddingShape
        let embedding = shape.rows * shape.width
        (start + embedding).update(repeating: 0, count: configuration.layout.count - embedding)
    }

    /// As above, for who need not know when a range is final: all sequences one sum, added to the first block or in place of what
    /// stands there.
    package func forwardAndBackward(
        _ batch: Batch, _ state: RecurrentState, _ workspace: Workspace, dropoutSeed: UInt64? = nil, adding: Bool
    ) -> Int {
        forwardAndBackward(
            batch, state, workspace, dropoutSeed: dropoutSeed,
            sums: .whole(sequences: batch.sequences, adding: adding)
        ) { _ in }
    }

    /// The recurrent layers' way forward; false when the batch has no sequences.
    private func propagate(
        _ batch: Batch, _ state: RecurrentState, _ workspace: Workspace, _ dropoutSeed: UInt64?,
        _ sums: GradientSums?, _ tokens: StepTokens?
    ) -> Bool {
        assert(packedRevision == parameters.revision, "the parameters have changed since the network was packed")
        let dropout = configuration.dropout > 0 ? dropoutSeed : nil
        workspace.prepare(for: batch, withDropout: dropout != nil, sums, tokens)
        guard batch.sequences > 0 else { return false }
        let streams = batch.firstStream..<batch.firstStream + batch.sequences
        precondition(
            state.streams.lowerBound <= streams.lowerBound && streams.upperBound <= state.streams.upperBound,
            "the state holds streams \(state.streams), the batch has \(streams)")
        if let dropout { fillMasks(batch, workspace, seed: dropout) }
        let rows = batch.window * batch.sequences

        if let embedding {
            embedding.forward(
                workspace.isFolded ? workspace.distinct.tokens : batch.tokens, into: workspace.embedded.pointer,
                pitch: workspace.embeddingPitch)
            if dropout != nil {
                workspace.embedded[0..<rows * workspace.embeddingPitch].multiply(by: workspace.masks[0].pointer)
            }
        }
        for (index, layer) in layers.enumerated() {
            let activations = workspace.layers[index]
            activations.begin(from: state, layer: index, firstStream: batch.firstStream)
            withInput(ofLayer: index, batch, workspace) { layer.forward($0, activations, workspace.scratch) }
            activations.end(into: state, layer: index, firstStream: batch.firstStream)
            if dropout != nil { drop(outputOfLayer: index, rows, workspace) }
        }
        return true
    }

    private func runHead(_ purpose: OutputPass.Purpose, _ batch: Batch, _ workspace: Workspace) -> Int {
        let hidden = InputRows(
            topOutput(workspace), pitch: workspace.hiddenPitch, columns: configuration.hiddenSize,
            count: batch.window * batch.sequences)
        output.run(
            purpose, hidden, workspace.scored, batch, losses: &workspace.sequenceLosses,
            outputs: workspace.outputRows, workspace.outputScratch)
        return workspace.scored.count
    }

    /// The recurrent layers' way back, from the gradient of the top layer's output in `workspace.between[0]`.
    ///
    /// - Parameter finished: is told the number of each finishing range.
    private func backward(
        _ batch: Batch, _ workspace: Workspace, _ tokens: StepTokens?, _ finished: (Int) throws -> Void
    ) rethrows {
        let rows = batch.window * batch.sequences
        var gradient = workspace.between[0]
        var other = workspace.between[1]
        for (index, layer) in layers.enumerated().reversed() {
            if workspace.usesDropout {
                gradient[0..<rows * workspace.hiddenPitch].multiply(by: workspace.masks[index + 1].pointer)
            }
            let pitch = index > 0 ? workspace.hiddenPitch : workspace.embeddingPitch
            let wanted = index > 0 || embedding != nil ? ResultRows(other.pointer, pitch: pitch) : nil
            withInput(ofLayer: index, batch, workspace) { input in
                layer.backward(
                    input, gradient.pointer, workspace.layers[index],
                    RecurrentLayer.Backward(
                        sums: workspace.sums, blockStride: blockStride, fold: fold(input, workspace, tokens),
                        inputGradient: wanted), workspace.scratch)
            }
            try finished(layers.count - index)
            swap(&gradient, &other)
        }
        guard let embedding else { return }
        let nodes = workspace.sums.nodes
        let rowGradients = ResultRows(gradient.pointer, pitch: workspace.embeddingPitch)
        if workspace.isFolded {
            if tokens == nil {
                embedding.backward(workspace.distinct.tokens, rowGradients, adding: nodes[0].sum.adds)
            } else {
                for node in nodes where !node.sum.adds { embedding.clear(block: node.sum.block) }
            }
        } else {
            if workspace.usesDropout {
                gradient[0..<rows * workspace.embeddingPitch].multiply(by: workspace.masks[0].pointer)
            }
            for (number, node) in nodes.enumerated() {
                embedding.backward(
                    workspace.distinct.tokens, workspace.tokenSums[number], node.sum, rowGradients,
                    stack: workspace.scratch.stack)
            }
        }
        try finished(layers.count + 1)
    }

    /// How the gradients of a folded input are summed: for each token of the window, with the products at once, or for each token of
    /// the step over all ranks, without them.
    private func fold(
        _ input: LayerInput, _ workspace: Workspace, _ tokens: StepTokens?
    ) -> RecurrentLayer.Backward.Fold? {
        guard case .folded(let folded) = input else { return nil }
        guard let tokens else {
            return RecurrentLayer.Backward.Fold(
                tokens: workspace.tokenSums, gates: folded.gates.pointer, stride: 0, distinct: folded.rows.count,
                rows: folded.rows, adding: workspace.sums.nodes[0].sum.adds)
        }
        return RecurrentLayer.Backward.Fold(
            tokens: workspace.tokenSums, gates: gradients.pointer + configuration.tokenSumsOffset,
            stride: blockStride, distinct: tokens.tokens.count, rows: nil, adding: false)
    }

    /// What a layer reads: the layer below, the embedding, or the features where they lie in the batch.
    private func withInput(
        ofLayer index: Int, _ batch: Batch, _ workspace: Workspace, _ body: (LayerInput) -> Void
    ) {
        let rows = batch.window * batch.sequences
        if index > 0 {
            let below = output(ofLayer: index - 1, workspace)
            body(
                .rows(
                    InputRows(
                        below, pitch: workspace.hiddenPitch, columns: configuration.hiddenSize, count: rows)))
        } else if workspace.isFolded {
            workspace.withFoldedInput { body(.folded($0)) }
        } else if embedding != nil {
            body(
                .rows(
                    InputRows(
                        workspace.embedded.pointer, pitch: workspace.embeddingPitch,
                        columns: configuration.embeddingSize, count: rows)))
        } else {
            batch.features.withUnsafeBufferPointer { features in
                guard let start = features.baseAddress else { return }
                let width = configuration.inputSize(ofLayer: 0)
                body(.rows(InputRows(start, pitch: width, columns: width, count: rows)))
            }
        }
    }

    private func output(ofLayer index: Int, _ workspace: Workspace) -> UnsafeMutablePointer<Float> {
        workspace.usesDropout ? workspace.dropped[index].pointer : workspace.layers[index].output
    }

    private func topOutput(_ workspace: Workspace) -> UnsafeMutablePointer<Float> {
        output(ofLayer: layers.count - 1, workspace)
    }

    private func fillMasks(_ batch: Batch, _ workspace: Workspace, seed: UInt64) {
        for (place, mask) in workspace.masks.enumerated() {
            Dropout.fill(
                mask.pointer, width: place == 0 ? configuration.embeddingSize : configuration.hiddenSize,
                pitch: place == 0 ? workspace.embeddingPitch : workspace.hiddenPitch, batch: batch, place: place,
                rate: configuration.dropout, seed: seed)
        }
    }

    private func drop(outputOfLayer index: Int, _ rows: Int, _ workspace: Workspace) {
        let dropped = workspace.dropped[index][0..<rows * workspace.hiddenPitch]
        dropped.baseAddress?.update(from: workspace.layers[index].output, count: dropped.count)
        dropped.multiply(by: workspace.masks[index + 1].pointer)
    }
}
