import Kernels
package import Tensors

/// Input, recurrent layers and output layer, one after the other, over parameters and gradients that are handed in.
///
/// Legend: T window, B sequences of this batch, E embedding, H hidden. The model owns no weights: both blocks are laid
/// out by `configuration.modelLayout`, belong to the caller and must outlive it. The carried state and the memory of a
/// window are separate values (`RecurrentState`, `Workspace`).
package struct SequenceModel {
    package let configuration: NetworkConfiguration
    private let parameters: FloatBlock
    let gradients: FloatBlock
    private let gradientRows: [GradientRows]
    /// Floats from one gradient block to the next.
    let blockStride: Int
    let embedding: Embedding?
    let stack: Stack
    private let head: OutputLayer
    /// The revision of the parameters that the packed weights were made from.
    private var packedRevision: Int?

    /// - Parameters:
    ///   - gradients: the first gradient block; others may follow it (`GradientSums`).
    ///   - blockStride: floats from one gradient block to the next.
    ///   - gradientRows: for each block, which rows of the embedding's gradient hold values
    ///     (`NetworkConfiguration.embeddingShape`), for a caller that uses them; nil: nothing is known of the blocks'
    ///     contents.
    ///   - packed: `NetworkConfiguration.packedCount` floats for the packed weights, which models on the same
    ///     parameters may share; nil: memory of its own.
    package init(
        _ configuration: NetworkConfiguration, parameters: FloatBlock, gradients: FloatBlock,
        blockStride: Int = 0, gradientRows: [GradientRows]? = nil, packed: FloatBlock? = nil
    ) {
        var offset = 0
        func make(_ count: Int) -> FloatBlock {
            guard let packed else { return FloatBlock(count: count) }
            defer { offset += TensorLayout.wholeLines(count) }
            return FloatBlock(borrowing: packed.pointer + offset, count: count, owner: packed)
        }
        self.init(
            configuration, parameters: parameters, gradients: gradients, blockStride: blockStride,
            gradientRows: gradientRows,
            packed: configuration.recurrentLayers.map { RecurrentLayer.Packed($0, make) })
    }

    /// The same model with other gradients: parameters and packed weights are shared. For a thread that computes
    /// concurrently with others, each on its own streams, workspace and gradients.
    package func with(
        gradients: FloatBlock, blockStride: Int = 0, gradientRows: [GradientRows]? = nil
    ) -> SequenceModel {
        SequenceModel(
            configuration, parameters: parameters, gradients: gradients, blockStride: blockStride,
            gradientRows: gradientRows, packed: stack.layers.map(\.packed))
    }

    /// - Parameter packed: for each layer, the packed weights.
    private init(
        _ configuration: NetworkConfiguration, parameters: FloatBlock, gradients: FloatBlock,
        blockStride: Int, gradientRows: [GradientRows]?, packed: [RecurrentLayer.Packed]
    ) {
        let count = configuration.layout.count
        precondition(
            parameters.count == count && gradients.count >= count,
            "the blocks have \(parameters.count) and \(gradients.count) floats, the layout \(count)")
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
        // Blocks for sums along the tree have memory for the output layer's part of a tied embedding's gradient.
        let ownPart = configuration.tiedSums.flatMap { blockStride >= $0.upperBound ? $0.lowerBound : nil }
        embedding = configuration.embedding.map { part in
            Embedding(
                part, at: tensors(0), parameters: parameters, gradients: gradients, gradientRows: gradientRows,
                blockStride: blockStride, addsToOutput: configuration.tiesEmbedding && ownPart == nil)
        }
        stack = Stack(
            parts: configuration.recurrentLayers,
            layers: zip(configuration.recurrentLayers, packed).map { part, packed in
                RecurrentLayer(
                    part, at: tensors(firstLayer + part.part), parameters: parameters, gradients: gradients,
                    packed: packed)
            }, dropout: configuration.dropout)
        head = OutputLayer(
            configuration.output, at: tensors(firstLayer + configuration.recurrentLayers.count), parameters: parameters,
            gradients: gradients, tied: (weight: 0, gradient: ownPart ?? 0))
    }

    /// A packed model for forward passes alone: without memory for gradients.
    package static func forScoring(_ configuration: NetworkConfiguration, _ parameters: FloatBlock) -> SequenceModel {
        // Only `train` writes to the gradients.
        var model = SequenceModel(configuration, parameters: parameters, gradients: parameters)
        model.pack()
        return model
    }

    /// Lays the weights out for the kernels. Needed after every change of the parameters, before the next pass.
    package mutating func pack() { pack(part: 0, of: 1) }

    /// A part of that work, for threads that share it: each packs a part, through a model of its own (`with`), and all
    /// must have ended before any goes on to a pass.
    package mutating func pack(part: Int, of parts: Int) {
        stack.pack(part: part, of: parts)
        packedRevision = parameters.revision
    }

    // MARK: - Forward

    /// Scores a window: moves the streams' `state` to the window's end and fills `workspace`, the losses among it.
    ///
    /// - Parameters:
    ///   - state: holds at least the batch's streams; its zero state for sequences that begin here.
    ///   - dropoutSeed: the key of the masks, in training; nil keeps every unit.
    /// - Returns: the number of scored steps.
    package func score(
        _ batch: Batch, _ state: RecurrentState, _ workspace: Workspace, dropoutSeed: UInt64? = nil
    ) -> Int {
        guard forward(batch, state, workspace, dropoutSeed, sums: nil) else { return 0 }
        return runHead(.scoring, batch, workspace)
    }

    /// The way up to the output layer; false when the batch has no sequences.
    private func forward(
        _ batch: Batch, _ state: RecurrentState, _ workspace: Workspace, _ dropoutSeed: UInt64?, sums: GradientSums?
    ) -> Bool {
        assert(packedRevision == parameters.revision, "the parameters have changed since the model was packed")
        let dropoutSeed = configuration.dropout > 0 ? dropoutSeed : nil
        workspace.prepare(for: batch, withDropout: dropoutSeed != nil, sums)
        guard batch.sequences > 0 else { return false }
        let streams = batch.firstStream..<batch.firstStream + batch.sequences
        precondition(
            state.streams.lowerBound <= streams.lowerBound && streams.upperBound <= state.streams.upperBound,
            "the state holds streams \(state.streams), the batch has \(streams)")
        embed(batch, workspace.input, dropoutSeed: dropoutSeed)
        workspace.input.withLayerInput(batch) {
            stack.forward($0, batch, state, workspace.stack, dropoutSeed: dropoutSeed)
        }
        return true
    }

    /// The rows of the batch's tokens, or of its distinct tokens, with dropout.
    private func embed(_ batch: Batch, _ memory: InputMemory, dropoutSeed: UInt64?) {
        guard let embedding else { return }
        embedding.forward(
            memory.isFolded ? memory.distinct.tokens : batch.tokens, into: memory.embedded.pointer,
            pitch: memory.pitch)
        guard let dropoutSeed else { return }
        Dropout.fill(
            memory.mask.pointer, width: embedding.size, pitch: memory.pitch, batch: batch, place: 0,
            rate: configuration.dropout, seed: dropoutSeed)
        memory.embedded[0..<batch.window * batch.sequences * memory.pitch].multiply(by: memory.mask.pointer)
    }

    private func runHead(_ purpose: OutputPass.Purpose, _ batch: Batch, _ workspace: Workspace) -> Int {
        let memory = workspace.head
        let rows = workspace.stack.outputRows(ofLayer: configuration.layers - 1)
        head.run(
            purpose, workspace.pooling?.pooled(rows, batch) ?? rows, memory.scored, batch,
            losses: &memory.losses, outputs: memory.outputs, memory.chunks)
        return memory.scored.count
    }

    // MARK: - Backward

    /// As `score`, followed by back-propagation through time over the window: gradients of the *summed* loss.
    ///
    /// One function for both ways, because the output layer computes both chunk by chunk (see `LinearHead`). Where the
    /// workspace's `StepTokens` fold the embedding, the gradients of embedding and first input weights are left to
    /// `setInputWeightGradient` and `setEmbeddingGradient`, and a block receives the sums that these need
    /// (`FoldedEmbedding.offset`).
    ///
    /// - Parameters:
    ///   - sums: how gradients are summed over the sequences, and which blocks receive the sums.
    ///   - states: gradients of carried states, for back-propagation beyond the window.
    ///   - finished: called with the number of each finishing range, in their order, as soon as this pass no longer
    ///     writes to it (`NetworkConfiguration.finishingRanges`).
    /// - Returns: the number of scored steps.
    package func train(
        _ batch: Batch, _ state: RecurrentState, _ workspace: Workspace, dropoutSeed: UInt64? = nil,
        sums: GradientSums, states: StateGradients = StateGradients(), finished: (Int) throws -> Void
    ) rethrows -> Int {
        precondition(gradients !== parameters, "a model for scoring has no gradients")
        guard forward(batch, state, workspace, dropoutSeed, sums: sums) else {
            for node in sums.nodes where !node.adds { clearGradients(ofBlock: node.block) }
            for number in 0..<configuration.modelLayout.partCount { try finished(number) }
            return 0
        }
        let gradient = workspace.stack.outputGradient
        let rows = batch.window * batch.sequences
        if workspace.head.scored.count < rows || workspace.pooling != nil {
            gradient.pointer.update(repeating: 0, count: rows * gradient.pitch)
        }
        let scored = runHead(
            .training(
                OutputPass.Backward(
                    hiddenGradient: workspace.pooling?.rowGradient ?? gradient, sums: workspace.sums,
                    blockStride: blockStride)),
            batch, workspace)
        workspace.pooling?.spread(into: gradient, batch)
        try finished(0)
        try workspace.input.withLayerInput(batch) { input in
            let inputGradient = try stack.backward(
                input, batch, workspace.stack,
                Stack.Backward(
                    sums: workspace.sums, blockStride: blockStride, fold: fold(input, workspace),
                    inputPitch: embedding == nil ? nil : workspace.input.pitch, states: states)
            ) { try finished(1 + $0) }
            guard let embedding else { return }
            backward(embedding, inputGradient, batch, workspace)
            try finished(1 + configuration.recurrentLayers.count)
        }
        return scored
    }

    /// As above, for a caller that does not need to know when a range is final: the sum over all sequences, added to
    /// the first block or in place of its values.
    package func train(
        _ batch: Batch, _ state: RecurrentState, _ workspace: Workspace, dropoutSeed: UInt64? = nil, adding: Bool,
        states: StateGradients = StateGradients()
    ) -> Int {
        train(
            batch, state, workspace, dropoutSeed: dropoutSeed,
            sums: .whole(sequences: batch.sequences, adding: adding), states: states
        ) { _ in }
    }

    private func clearGradients(ofBlock block: Int) {
        let start = gradients.pointer + block * blockStride
        gradientRows[block].clear(start)
        let shape = configuration.embeddingShape
        let embedding = shape.rows * shape.width
        (start + embedding).update(repeating: 0, count: configuration.layout.count - embedding)
        if let tied = configuration.tiedSums, blockStride >= tied.upperBound {
            (start + tied.lowerBound).update(repeating: 0, count: tied.count)
        }
    }

    /// How the gate gradients of a folded input are summed: for each token of the window, with the products at once, or
    /// for each token of the step over all ranks, without them.
    private func fold(_ input: LayerInput, _ workspace: Workspace) -> RecurrentLayer.Backward.Fold? {
        guard case .folded(let folded) = input else { return nil }
        guard let tokens = workspace.input.stepTokens, let fold = configuration.foldedEmbedding else {
            return RecurrentLayer.Backward.Fold(
                tokens: workspace.input.tokenSums, gates: folded.gates.pointer, stride: 0, distinct: folded.rows.count,
                rows: folded.rows, adding: workspace.sums.nodes[0].sum.adds)
        }
        return RecurrentLayer.Backward.Fold(
            tokens: workspace.input.tokenSums, gates: gradients.pointer + fold.offset,
            stride: blockStride, distinct: tokens.tokens.count, rows: nil, adding: false)
    }

    /// The gradient of the embedding, from that of its rows in `inputGradient`.
    private func backward(
        _ embedding: Embedding, _ inputGradient: FloatBlock, _ batch: Batch, _ workspace: Workspace
    ) {
        let memory = workspace.input
        let nodes = workspace.sums.nodes
        let rows = ResultRows(inputGradient.pointer, pitch: memory.pitch)
        if memory.isFolded {
            if memory.stepTokens == nil {
                embedding.backward(memory.distinct.tokens, rows, adding: nodes[0].sum.adds)
            } else {
                for node in nodes where !node.sum.adds { embedding.clear(block: node.sum.block) }
            }
        } else {
            if workspace.stack.usesDropout {
                inputGradient[0..<batch.window * batch.sequences * memory.pitch].multiply(by: memory.mask.pointer)
            }
            for (number, node) in nodes.enumerated() {
                embedding.backward(
                    memory.distinct.tokens, memory.tokenSums[number], node.sum, rows,
                    stack: workspace.stack.scratch.stack)
            }
        }
    }
}
