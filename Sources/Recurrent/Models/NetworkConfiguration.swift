package import ConfigFile
import System
package import Tensors

/// The sizes of a network: everything that its parts and their layout follow from.
package struct NetworkConfiguration {
    package let cell: any Cell.Type
    package let layers: Int
    /// H.
    package let hiddenSize: Int
    /// Whether each layer also reads the sequences from their ends: its output has both directions' units.
    package let isBidirectional: Bool
    /// E: width of the embedding; 0 when the task's input is features.
    package let embeddingSize: Int
    /// Whether each layer's products are normalised (`LayerNorm`).
    package let isNormalised: Bool
    /// Whether the output layer's weights are the embedding's (Press & Wolf, 2017).
    package let tiesEmbedding: Bool
    /// Share of units dropped in training.
    package let dropout: Float
    /// How the time steps of a sequence become the output layer's input; nil: each has its own output.
    package let pooling: Pooling?
    package let task: TaskShape
    /// Of a task on tokens: the table that they are looked up in.
    let embedding: EmbeddingPart?
    /// From the input up; of each layer the forward direction first.
    let recurrentLayers: [LayerPart]
    let output: OutputPart
    package let modelLayout: ModelLayout
    /// For passes without dropout; nil where the first layer's input is more than a row of the embedding, or the
    /// gradient of the embedding more than that of the input.
    package private(set) var foldedEmbedding: FoldedEmbedding?

    package init(
        cell: any Cell.Type, layers: Int, hiddenSize: Int, embeddingSize: Int, dropout: Float = 0,
        isBidirectional: Bool = false, isNormalised: Bool = false, tiesEmbedding: Bool = false,
        pooling: Pooling = .last, task: TaskShape
    ) {
        self.cell = cell
        self.layers = layers
        self.hiddenSize = hiddenSize
        self.dropout = dropout
        self.isBidirectional = isBidirectional
        self.isNormalised = isNormalised
        self.tiesEmbedding = tiesEmbedding
        self.pooling = task.scores == .sequences ? pooling : nil
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
        let directions = isBidirectional ? LayerPart.Direction.allCases : [.forward]
        let outputSize = directions.count * hiddenSize
        recurrentLayers = (0..<layers).flatMap { layer in
            directions.map { direction in
                LayerPart(
                    cell: cell, layer: layer, direction: direction,
                    part: layer * directions.count + direction.rawValue, isNormalised: isNormalised,
                    inputSize: layer > 0 ? outputSize : inputSize, hiddenSize: hiddenSize)
            }
        }
        output = OutputPart(hiddenSize: outputSize, loss: LossTable.loss(for: task), isTied: tiesEmbedding)
        let input: [any ModelPart] = if let embedding { [embedding] } else { [] }
        modelLayout = ModelLayout(input + recurrentLayers + [output])
        if let embedding, !isBidirectional, !isNormalised, !tiesEmbedding {
            foldedEmbedding = FoldedEmbedding(
                embedding, recurrentLayers[0], modelLayout, inputShare: flopsOfInputPerToken / flopsPerToken)
        }
    }

    /// The input is tokens, which have an embedding.
    package static let readsTokens = Trait("the input is tokens")

    /// A time step's answer may follow from later time steps.
    package static let mayReadAhead = Trait("answers may follow from later time steps")

    /// The classes to predict are the tokens that are read.
    package static let predictsTokens = Trait("the classes are the tokens")

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
            "model.bidirectional", .boolean, default: .boolean(false), when: Condition(mayReadAhead),
            "Each layer also reads the sequences from their ends; the next one reads both directions' units."),
        ConfigKey(
            "model.layer_norm", .boolean, default: .boolean(false),
            "Normalises the products with the input and with the hidden state, over all gates (Ba et al. 2016)."),
        ConfigKey(
            "model.tie_embedding", .boolean, default: .boolean(false), when: Condition(predictsTokens),
            "The output layer's weights are the embedding's; model.embedding is then model.hidden."),
        Pooling.key,
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
            dropout: Float(configuration.number("model.dropout")),
            isBidirectional: configuration.has("model.bidirectional") && configuration.boolean("model.bidirectional"),
            isNormalised: configuration.boolean("model.layer_norm"),
            tiesEmbedding: configuration.has("model.tie_embedding") && configuration.boolean("model.tie_embedding"),
            pooling: configuration.has("model.pooling")
                ? Pooling(rawValue: configuration.text("model.pooling")) ?? .last : .last,
            task: task)
    }

    /// Directions of each layer.
    var directions: Int { isBidirectional ? 2 : 1 }

    /// - Throws: a `ConfigError` where a tied embedding has not the width of the output layer's input.
    package static func check(_ configuration: Configuration) throws {
        guard configuration.has("model.tie_embedding"), configuration.boolean("model.tie_embedding") else { return }
        let (embedding, hidden) = (configuration.integer("model.embedding"), configuration.integer("model.hidden"))
        guard embedding != hidden else { return }
        throw CommandError.usage(
            "\(configuration.place("model.tie_embedding")) is true, but model.embedding is \(embedding) and model.hidden is "
                + "\(hidden); accepted: equal widths, since one matrix serves both ends")
    }

    /// Every tensor under its name in PyTorch.
    package var layout: TensorLayout { modelLayout.tensors }
}

extension NetworkConfiguration {
    /// Rows and columns of the matrix with which the layout begins and of which a step reaches only the rows of its
    /// tokens; no rows without one.
    package var embeddingShape: (rows: Int, width: Int) {
        guard let embedding, !tiesEmbedding else { return (0, 1) }
        return (embedding.vocabulary, embedding.size)
    }

    /// The ranges of a gradient block that a backward pass finishes one after the other: the output layer, the
    /// recurrent layers from the top, the embedding.
    ///
    /// - Parameter byTree: whether gradients are summed along the tree (`communication.reduction: reproducible`). Then
    ///   the gradients of the embedding and of the first input weights are finished together: both may follow from sums
    ///   of gate gradients by token (`StepTokens`).
    package func finishingRanges(byTree: Bool) -> [Range<Int>] {
        modelLayout.finishingRanges(withInput: byTree && embeddingShape.rows > 0 ? 1 : 0)
    }

    /// As `foldedEmbedding`, in training.
    package var foldedEmbeddingInTraining: FoldedEmbedding? { dropout == 0 ? foldedEmbedding : nil }

    /// Where in a gradient block the output layer's part of a tied embedding's gradient is, if gradients are summed along
    /// the tree: each of the two parts is a sum along the tree, and they are added after it, so that the bits do not
    /// depend on the number of ranks. Behind the gradients, in the shape of the embedding. nil: it is not tied.
    package var tiedSums: Range<Int>? {
        guard tiesEmbedding, let embedding else { return nil }
        let offset = TensorLayout.wholeLines(layout.count)
        return offset..<offset + TensorLayout.wholeLines(embedding.vocabulary * embedding.size)
    }

    /// Floats from one gradient block to the next.
    ///
    /// - Parameter byTree: whether gradients are summed along the tree: then other sums follow them.
    package func gradientStride(byTree: Bool) -> Int {
        let count = TensorLayout.wholeLines(layout.count)
        guard byTree else { return count }
        if let tiedSums { return tiedSums.upperBound }
        return count + (foldedEmbeddingInTraining.map { $0.gateFloats(tokens: $0.mostExchanged) } ?? 0)
    }

    /// What of a gradient block is summed over parts of a step, threads and ranks, if gradients are summed along the
    /// tree: the gradients without those that are derived from other sums, and these other sums behind them.
    package func summedFloats(_ tokens: StepTokens?) -> (gradients: Range<Int>, behind: Range<Int>) {
        if let foldedEmbedding, let tokens, tokens.isFolded {
            return (foldedEmbedding.derived.upperBound..<layout.count, foldedEmbedding.sums(tokens))
        }
        return (0..<layout.count, tiedSums ?? 0..<0)
    }

    /// The model in the log: `lstm 2 x 200`.
    package var description: String {
        "\(cell.name) \(layers) x \(hiddenSize)" + (isBidirectional ? " in both directions" : "")
            + (pooling == .mean ? ", mean over time" : "") + (isNormalised ? ", normalised" : "")
            + (tiesEmbedding ? ", tied" : "")
    }

    /// Floats of the packed weights of all parts.
    package var packedCount: Int { recurrentLayers.reduce(output.packedCount) { $0 + $1.packedCount } }

    /// Floating-point operations of a training step for each token: three times those of the forward pass.
    /// Without the output layer's where only whole sequences have an output.
    package var flopsPerToken: Double {
        3 * recurrentLayers.reduce(pooling == nil ? output.flops : 0) { $0 + $1.flops }
    }

    /// The part of these operations that is skipped for each token that shares its row of the first layer's input with
    /// another (see `Workspace.inputRows`).
    package var flopsOfInputPerToken: Double {
        3 * 2 * Double(cell.gates) * Double(hiddenSize) * Double(recurrentLayers[0].inputSize)
    }
}
