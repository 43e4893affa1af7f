package import ConfigFile
package import Tensors

/// The sizes of a network: everything that its parts and their layout follow from.
package struct NetworkConfiguration {
    package let cell: any Cell.Type
    package let layers: Int
    /// H.
    package let hiddenSize: Int
    /// E: width of the embedding; 0 when the task's input is features.
    package let embeddingSize: Int
    /// Share of units dropped in training.
    package let dropout: Float
    package let task: TaskShape
    /// Of a task on tokens: the table that they are looked up in.
    let embedding: EmbeddingPart?
    /// From the input up.
    let recurrentLayers: [LayerPart]
    let output: OutputPart
    package let modelLayout: ModelLayout

    package init(
        cell: any Cell.Type, layers: Int, hiddenSize: Int, embeddingSize: Int, dropout: Float = 0, task: TaskShape
    ) {
        self.cell = cell
        self.layers = layers
        self.hiddenSize = hiddenSize
        self.dropout = dropout
        self.task = task
        let inputSize: Int
        switch task.input {
        case .tokens(let vocabulary):
            embedding = EmbeddingPart(vocabulary: vocabulary, size: embeddingSize)
            inputSize = embeddingSize
            self.embeddingSize = embeddingSize
        case .features(let count):
            embedding = nil
            inputSize = count
            self.embeddingSize = 0
        }
        recurrentLayers = (0..<layers).map { layer in
            LayerPart(cell: cell, layer: layer, inputSize: layer > 0 ? hiddenSize : inputSize, hiddenSize: hiddenSize)
        }
        output = OutputPart(hiddenSize: hiddenSize, loss: LossTable.loss(for: task.output))
        let input: [any ModelPart] = if let embedding { [embedding] } else { [] }
        modelLayout = ModelLayout(input + recurrentLayers + [output])
    }

    /// The input is tokens, which have an embedding.
    package static let readsTokens = Trait("the input is tokens")

    /// The keys of `model`, without `model.init`, which `InitialWeights` owns.
    package static let keys: [ConfigKey] = [
        ConfigKey(
            "model.cell", .choice(CellTable.all.map { $0.name }), default: .text("lstm"), "The recurrent cell."),
        ConfigKey("model.layers", .integer(1...64), default: .integer(1), "Recurrent layers, one above the other."),
        ConfigKey("model.hidden", .integer(1...65536), default: .integer(128), "Hidden units of each layer."),
        ConfigKey(
            "model.embedding", .integer(1...65536), default: .integer(128),
            when: Condition(readsTokens), "Width of the embedding of tokens."),
        ConfigKey(
            "model.dropout", .number(NumberRange.from(0, below: 1)), default: .number(0),
            "Share of units dropped in training: of the embedding's output, between layers, of the top layer's output."),
    ]

    /// Reads `model`; `task` is what the data requires.
    package init(_ configuration: Configuration, task: TaskShape) {
        guard let cell = CellTable.cell(named: configuration.text("model.cell")) else {
            preconditionFailure("the table of keys admits only cells of the table of cells")
        }
        self.init(
            cell: cell, layers: configuration.integer("model.layers"),
            hiddenSize: configuration.integer("model.hidden"),
            embeddingSize: configuration.has("model.embedding") ? configuration.integer("model.embedding") : 0,
            dropout: Float(configuration.number("model.dropout")), task: task)
    }

    /// Width of the rows that a layer reads.
    package func inputSize(ofLayer layer: Int) -> Int { recurrentLayers[layer].inputSize }

    /// Every tensor under its name in PyTorch.
    package var layout: TensorLayout { modelLayout.tensors }
}

extension NetworkConfiguration {
    /// Rows and columns of the embedding, with which the layout begins; no rows without one.
    package var embeddingShape: (rows: Int, width: Int) { embedding.map { ($0.vocabulary, $0.size) } ?? (0, 1) }

    /// The ranges of a gradient block that a backward pass finishes one after the other: the output layer, the
    /// recurrent layers from the top, the embedding.
    ///
    /// - Parameter byTree: whether gradients are summed along the tree (`communication.reduction: reproducible`). Then
    ///   the gradients of the embedding and of the first input weights are finished together: both may follow from sums
    ///   of gate gradients by token (`StepTokens`).
    package func finishingRanges(byTree: Bool) -> [Range<Int>] {
        modelLayout.finishingRanges(withInput: byTree && embedding != nil ? 1 : 0)
    }

    /// Where in a gradient block the sums of gate gradients by token begin: after the gradients.
    package var tokenSumsOffset: Int { TensorLayout.wholeLines(layout.count) }

    /// Floats from one gradient block to the next.
    ///
    /// - Parameter byTree: whether sums by token follow the gradients.
    package func gradientStride(byTree: Bool) -> Int {
        tokenSumsOffset + (byTree ? tokenSumsCount : 0)
    }

    /// The largest number of tokens for which exchanging the sums of their gate gradients costs less than exchanging
    /// two gradients.
    package var mostFoldedTokens: Int { min(embeddingShape.rows, 2 * embeddingShape.width) }

    /// The most floats that these sums have: tiles of `[mostFoldedTokens, GateLayout.width]`.
    package var tokenSumsCount: Int {
        guard case .tokens = task.input, dropout == 0 else { return 0 }
        return mostFoldedTokens * tokenSumsPerToken
    }

    /// Floats of these sums for one token.
    package var tokenSumsPerToken: Int {
        recurrentLayers[0].gateLayout.tiles * GateLayout.width
    }

    /// Floats of the packed weights of all parts.
    package var packedCount: Int { recurrentLayers.reduce(output.packedCount) { $0 + $1.packedCount } }

    /// Floating-point operations of a training step for each token: three times those of the forward pass.
    package var flopsPerToken: Double { 3 * recurrentLayers.reduce(output.flops) { $0 + $1.flops } }

    /// The part of these operations that is skipped for each token that shares its row of the first layer's input with
    /// another (see `Workspace.inputRows`).
    package var flopsOfInputPerToken: Double {
        3 * 2 * Double(cell.gates) * Double(hiddenSize) * Double(inputSize(ofLayer: 0))
    }
}
