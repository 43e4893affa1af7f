import Kernels
import Tensors

/// The memory of a model's input for one window: the embedded tokens, and which time steps have which token.
///
/// Legend: T window, B sequences, E embedding, D distinct tokens. A model on features reads them from the batch and
/// needs none.
final class InputMemory {
    private let embedding: EmbeddingPart?
    private let fold: FoldedEmbedding?
    /// Width of the rows that the first layer reads.
    private let width: Int
    /// Of the step over all ranks, where gradients are summed along the tree: decides whether the embedding is folded.
    let stepTokens: StepTokens?
    /// Rows that the blocks have memory for.
    private var capacity = 0

    /// `[T B, E]`: the embeddings of all rows, or `[D, E]`, those of the distinct tokens.
    private(set) var embedded = FloatBlock(count: 0)
    /// `[T B, E]`: the dropout mask of the embeddings, 0 or 1/(1 - rate).
    private(set) var mask = FloatBlock(count: 0)
    /// See `FoldedInput.gates`.
    private var foldedGates = FloatBlock(count: 0)
    private(set) var distinct: DistinctTokens
    /// For each of the sums, the steps that have the same token.
    private(set) var tokenSums: [TokenSums] = []
    /// Whether the embedding of this window is folded into the first layer.
    private(set) var isFolded = false
    /// T B.
    private var rows = 0

    init(_ configuration: NetworkConfiguration, stepTokens: StepTokens?) {
        let firstLayer = configuration.recurrentLayers[0]
        embedding = configuration.embedding
        fold = configuration.foldedEmbedding
        self.stepTokens = stepTokens
        width = firstLayer.inputSize
        distinct = DistinctTokens(vocabulary: embedding?.vocabulary ?? 0)
    }

    /// Floats from one row of the embedding to the next.
    var pitch: Int { Self.pitch(embedding) }
    static func pitch(_ embedding: EmbeddingPart?) -> Int { Tuning.rowPitch(embedding?.size ?? 0) }

    /// Rows that the first layer's products with the input have: all, or the distinct tokens of a folded embedding.
    var inputRows: Int { isFolded ? distinct.tokens.count : rows }

    /// Floats of the blocks for windows of `rows` rows.
    static func floatCount(_ configuration: NetworkConfiguration, rows: Int, byTree: Bool) -> Int {
        rows * pitch(configuration.embedding) * (configuration.dropout > 0 ? 2 : 1)
            + foldedCount(configuration.foldedEmbedding, rows: rows, byTree: byTree)
    }

    /// - Parameter byTree: whether `StepTokens` decides: then a window with many distinct tokens may be folded, too.
    private static func foldedCount(_ fold: FoldedEmbedding?, rows: Int, byTree: Bool) -> Int {
        guard let fold else { return 0 }
        return fold.gateFloats(tokens: byTree ? min(rows, fold.mostExchanged) : fold.mostTokens(steps: rows))
    }

    // MARK: - Preparation

    /// Makes the memory large enough for a batch and finds its distinct tokens.
    ///
    /// - Parameters:
    ///   - capacity: rows of the largest window that the stack has memory for.
    ///   - sums: how gradients are summed; nil: no gradients.
    func prepare(for batch: Batch, capacity: Int, withDropout: Bool, _ sums: GradientSums?) {
        rows = batch.window * batch.sequences
        isFolded = false
        guard let embedding, !batch.tokens.isEmpty else { return }
        if capacity > self.capacity { grow(embedding, to: capacity) }
        if withDropout, mask.count < self.capacity * pitch { mask = FloatBlock(count: self.capacity * pitch) }
        distinct.find(in: batch.tokens)
        if let fold, !withDropout {
            isFolded =
                stepTokens?.isFolded ?? (distinct.tokens.count <= fold.mostTokens(steps: batch.tokens.count))
        }
        if let sums { prepareTokenSums(sums, batch) }
    }

    private func grow(_ embedding: EmbeddingPart, to capacity: Int) {
        self.capacity = capacity
        embedded = FloatBlock(count: capacity * pitch)
        foldedGates = FloatBlock(count: Self.foldedCount(fold, rows: capacity, byTree: stepTokens != nil))
        distinct.reserve(capacity)
        for number in tokenSums.indices { reserveTokenSums(number) }
    }

    private func reserveTokenSums(_ number: Int) {
        tokenSums[number].reserve(steps: capacity, distinct: min(capacity, distinct.vocabulary))
    }

    private func prepareTokenSums(_ sums: GradientSums, _ batch: Batch) {
        while tokenSums.count < sums.nodes.count {
            tokenSums.append(TokenSums())
            reserveTokenSums(tokenSums.count - 1)
        }
        for (number, node) in sums.nodes.enumerated() {
            if let stepTokens, isFolded {
                tokenSums[number].prepare(
                    node, window: batch.window, sequences: batch.sequences, distinct: stepTokens.tokens.count
                ) { stepTokens.indices[Int(batch.tokens[$0])] }
            } else {
                tokenSums[number].prepare(
                    node, window: batch.window, sequences: batch.sequences, distinct: distinct.tokens.count
                ) { distinct.places[$0] }
            }
        }
    }

    // MARK: - The first layer's input

    /// Calls `body` with what the first layer reads: the embedded tokens, the folded embedding, or the features of the
    /// batch.
    func withLayerInput(_ batch: Batch, _ body: (LayerInput) throws -> Void) rethrows {
        guard embedding != nil else {
            return try batch.features.withUnsafeBufferPointer { features in
                guard let start = features.baseAddress else { return }
                try body(.rows(InputRows(start, pitch: width, columns: width, count: rows)))
            }
        }
        let input = InputRows(embedded.pointer, pitch: pitch, columns: width, count: inputRows)
        guard isFolded else { return try body(.rows(input)) }
        try distinct.places.withUnsafeBufferPointer { places in
            guard let first = places.baseAddress else { return }
            try body(.folded(FoldedInput(rows: input, gates: foldedGates, rowOfStep: first)))
        }
    }
}
