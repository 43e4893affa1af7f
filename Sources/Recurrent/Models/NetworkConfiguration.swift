package import ConfigFile
package import Tensors

/// The sizes of a network: all that its layout follows from.
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

    package init(
        cell: any Cell.Type, layers: Int, hiddenSize: Int, embeddingSize: Int, dropout: Float = 0, task: TaskShape
    ) {
        self.cell = cell
        self.layers = layers
        self.hiddenSize = hiddenSize
        if case .tokens = task.input { self.embeddingSize = embeddingSize } else { self.embeddingSize = 0 }
        self.dropout = dropout
        self.task = task
    }

    /// The keys of `model` but `model.init`, which `InitialWeights` owns.
    package static let keys: [ConfigKey] = [
        ConfigKey(
            "model.cell", .choice(CellTable.all.map { $0.name }), default: .text("lstm"), "The recurrent cell."),
        ConfigKey("model.layers", .integer(1...64), default: .integer(1), "Recurrent layers, one above the other."),
        ConfigKey("model.hidden", .integer(1...65536), default: .integer(128), "Hidden units of each layer."),
        ConfigKey(
            "model.embedding", .integer(1...65536), default: .integer(128),
            when: Condition(path: "task", isOneOf: ["language-model"]), "Width of the embedding of tokens."),
        ConfigKey(
            "model.dropout", .number(NumberRange.from(0, below: 1)), default: .number(0),
            "Share of units dropped in training: of the embedding's output, between layers, of the top layer's output."),
    ]

    /// Reads `model`; `task` is what the data asks for.
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

    /// Width of what a layer reads.
    package func inputSize(ofLayer layer: Int) -> Int {
        if layer > 0 { return hiddenSize }
        switch task.input {
        case .tokens: return embeddingSize
        case .features(let count): return count
        }
    }

    /// Every tensor under its name in PyTorch: weights `[G H, in]` and `[G H, H]`, biases `[G H]`, embedding `[V, E]`,
    /// output layer `[width, H]` and `[width]`.
    package var layout: TensorLayout {
        let rows = cell.gates * hiddenSize
        var shapes: [(name: String, shape: [Int])] = []
        if case .tokens(let vocabulary) = task.input {
            shapes.append(("embedding.weight", [vocabulary, embeddingSize]))
        }
        for layer in 0..<layers {
            shapes.append(("rnn.weight_ih_l\(layer)", [rows, inputSize(ofLayer: layer)]))
            shapes.append(("rnn.weight_hh_l\(layer)", [rows, hiddenSize]))
            shapes.append(("rnn.bias_ih_l\(layer)", [rows]))
            shapes.append(("rnn.bias_hh_l\(layer)", [rows]))
        }
        shapes.append(("output.weight", [task.output.width, hiddenSize]))
        shapes.append(("output.bias", [task.output.width]))
        return TensorLayout(shapes)
    }
}

extension NetworkConfiguration {
    /// Rows and columns of the embedding, with which the layout begins; no rows without one.
    package var embeddingShape: (rows: Int, width: Int) {
        guard case .tokens(let vocabulary) = task.input else { return (0, 1) }
        return (vocabulary, embeddingSize)
    }

    /// The ranges of the gradient block that `Network.backward` finishes one after the other: the output layer, the
    /// recurrent layers from the top, the embedding. Each begins where its tensors do and ends where the one before
    /// begins, so that together they are the whole block, from its end to its start.
    package var finishingRanges: [Range<Int>] {
        let layout = layout
        let names = ["output.weight"] + (0..<layers).reversed().map { "rnn.weight_ih_l\($0)" } + ["embedding.weight"]
        var end = layout.count
        return names.compactMap { layout[$0]?.offset }.map { start in
            defer { end = start }
            return start..<end
        }
    }

    /// As `finishingRanges`, for sums that leave the gradients of embedding and first input weights to the end: these two are the
    /// last range.
    package var foldingRanges: [Range<Int>] {
        guard case .tokens = task.input, let recurrent = layout["rnn.weight_hh_l0"]?.offset else {
            return finishingRanges
        }
        var ranges = finishingRanges
        ranges[layers] = recurrent..<ranges[layers].upperBound
        ranges[layers + 1] = 0..<recurrent
        return ranges
    }

    /// Where in a gradient block the sums of gate gradients by token begin: behind the gradients.
    package var tokenSumsOffset: Int { Self.wholeLines(layout.count) }

    /// Floats from one gradient block to the next.
    ///
    /// - Parameter byTree: whether sums by token stand behind the gradients.
    package func gradientStride(byTree: Bool) -> Int {
        tokenSumsOffset + (byTree ? tokenSumsCount : 0)
    }

    /// Tokens up to which the sums of their gate gradients are worth travelling in place of two gradients.
    package var mostFoldedTokens: Int { min(embeddingShape.rows, 2 * embeddingShape.width) }

    /// Floats of these sums at most: tiles of `[mostFoldedTokens, GateLayout.width]`.
    package var tokenSumsCount: Int {
        guard case .tokens = task.input, dropout == 0 else { return 0 }
        return mostFoldedTokens * tokenSumsPerToken
    }

    /// Floats of these sums for one token.
    package var tokenSumsPerToken: Int {
        GateLayout(cell, hiddenSize: hiddenSize).tiles * GateLayout.width
    }

    /// Floats of the packed weights of all layers (see `RecurrentLayer.Packed`), each part on a cache line.
    package var packedCount: Int {
        var count = 0
        let layout = GateLayout(cell, hiddenSize: hiddenSize)
        _ = RecurrentLayer.Packed(layout) {
            count += Self.wholeLines($0)
            return FloatBlock(count: 0)
        }
        return count * layers
    }

    static func wholeLines(_ count: Int) -> Int {
        let line = FloatBlock.alignment / MemoryLayout<Float>.stride
        return (count + line - 1) / line * line
    }

    /// Floating-point operations of a training step for each token: three times the forward pass's 2 G H (in + H) a layer
    /// and 2 H W of the output layer, the count that speeds are quoted by.
    package var flopsPerToken: Double {
        let H = Double(hiddenSize)
        var flops = 2 * H * Double(task.output.width)
        for layer in 0..<layers {
            flops += 2 * Double(cell.gates) * H * (Double(inputSize(ofLayer: layer)) + H)
        }
        return 3 * flops
    }

    /// What of these operations is left out for each token that shares its row of the first layer's input with another (see
    /// `Workspace.inputRows`).
    package var flopsOfInputPerToken: Double {
        3 * 2 * Double(cell.gates) * Double(hiddenSize) * Double(inputSize(ofLayer: 0))
    }
}
