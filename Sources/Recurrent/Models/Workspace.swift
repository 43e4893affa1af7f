import Kernels
package import Tensors

/// The activations of one window of the whole network: what a forward pass leaves for the backward pass and for whoever
/// judges the outputs. It grows to the largest window it meets and is then reused.
package final class Workspace {
    private let configuration: NetworkConfiguration
    private let keepsOutputs: Bool
    private let foldsAll: Bool
    private var windowRoom = 0
    private var sequenceRoom = 0
    private var wholeLayers: [LayerActivations] = []

    /// The window at hand.
    private(set) var window = 0
    private(set) var sequences = 0
    private(set) var layers: [LayerActivations] = []
    /// `[T B, E]`: the embedding's output, or that of the distinct tokens; nothing when features are read where they lie.
    private(set) var embedded = FloatBlock(count: 0)
    private(set) var distinct: DistinctTokens
    /// The steps that read the same token, for each of the sums.
    private(set) var tokenSums: [TokenSums] = []
    private(set) var sums = BatchSums()
    /// Those of other parts of a step, which come again.
    private var otherSums: [BatchSums] = []
    private static let mostSums = 16
    /// Whether this window's embedding is folded into the first layer.
    private(set) var isFolded = false
    private var foldedGates = FloatBlock(count: 0)
    /// One mask a place: the embedding's output, then each layer's output; `[T B, width]`, 0 or 1/(1 - rate).
    private(set) var masks: [FloatBlock] = []
    /// `[T B, H]` a layer: its output after dropout.
    private(set) var dropped: [FloatBlock] = []
    /// `[T B, max(H, E)]`, two of them: gradients between layers.
    private(set) var between: [FloatBlock] = []
    /// What the recurrent layers' products pack.
    private(set) var scratch: LayerScratch
    let outputScratch = OutputScratch()
    private var outputs = FloatBlock(count: 0)
    private(set) var scored = ScoredSteps()
    /// Summed loss of each sequence of the batch, in Double.
    package internal(set) var sequenceLosses: [Double] = []
    var usesDropout = false

    /// - Parameters:
    ///   - keepsOutputs: whether `scoredOutputs` is used: then the outputs of a whole window are kept.
    ///   - foldsAll: whether others decide if the embedding is folded (`StepTokens`).
    package init(for configuration: NetworkConfiguration, keepsOutputs: Bool, foldsAll: Bool = false) {
        self.configuration = configuration
        self.keepsOutputs = keepsOutputs
        self.foldsAll = foldsAll
        scratch = LayerScratch(configuration, rows: 0)
        if case .tokens(let vocabulary) = configuration.task.input {
            distinct = DistinctTokens(vocabulary: vocabulary)
        } else {
            distinct = DistinctTokens(vocabulary: 0)
        }
    }

    /// The outputs at the scored steps of the last window: probabilities of classes, or values.
    package var scoredOutputs: ScoredOutputs {
        precondition(keepsOutputs, "the workspace was made without memory for outputs")
        return ScoredOutputs(
            rows: scored.places, values: UnsafePointer(outputs.pointer), width: configuration.task.output.width)
    }

    var outputRows: UnsafeMutablePointer<Float>? { keepsOutputs ? outputs.pointer : nil }
    var allRowsAreScored: Bool { scored.count == window * sequences }
    /// Floats from one row of units, or of the embedding, to the next.
    var hiddenPitch: Int { Tuning.rowPitch(configuration.hiddenSize) }
    var embeddingPitch: Int { Tuning.rowPitch(configuration.embeddingSize) }

    /// Makes the memory fit a batch and lists its scored steps.
    ///
    /// - Parameters:
    ///   - wanted: how gradients are to be summed; nil where none are.
    ///   - tokens: of the step over all ranks, if they say what is folded.
    func prepare(for batch: Batch, withDropout: Bool, _ wanted: GradientSums?, _ tokens: StepTokens?) {
        if batch.window > windowRoom || batch.sequences > sequenceRoom || (withDropout && masks.isEmpty) {
            grow(window: max(batch.window, windowRoom), sequences: max(batch.sequences, sequenceRoom), withDropout)
        }
        usesDropout = withDropout
        if batch.window != window || batch.sequences != sequences || layers.isEmpty {
            window = batch.window
            sequences = batch.sequences
            layers.removeAll(keepingCapacity: true)
            for whole in wholeLayers {
                layers.append(LayerActivations(whole, window: window, sequences: sequences))
            }
        }
        findDistinctTokens(batch, tokens)
        sequenceLosses.removeAll(keepingCapacity: true)
        sequenceLosses.append(contentsOf: repeatElement(0, count: sequences))
        scored.find(in: batch)
        let width = configuration.task.output.width
        if keepsOutputs, outputs.count < scored.count * width {
            outputs = FloatBlock(count: scored.count * width)
        }
        if let wanted { prepare(wanted, batch, tokens) }
    }

    private func prepare(_ wanted: GradientSums, _ batch: Batch, _ tokens: StepTokens?) {
        if !sums.are(wanted, window: window) {
            if let index = otherSums.firstIndex(where: { $0.are(wanted, window: window) }) {
                swap(&sums, &otherSums[index])
            } else {
                if otherSums.count == Self.mostSums { otherSums.removeFirst() }
                otherSums.append(sums)
                sums = BatchSums(wanted, window: window)
            }
        }
        guard !batch.tokens.isEmpty else { return }
        while tokenSums.count < wanted.nodes.count {
            tokenSums.append(TokenSums())
            reserveTokenSums(tokenSums.count - 1)
        }
        for (number, node) in wanted.nodes.enumerated() {
            if let tokens, isFolded {
                tokenSums[number].prepare(
                    node, window: window, sequences: sequences, distinct: tokens.tokens.count
                ) { tokens.indices[Int(batch.tokens[$0])] }
            } else {
                tokenSums[number].prepare(
                    node, window: window, sequences: sequences, distinct: distinct.tokens.count
                ) { distinct.places[$0] }
            }
        }
    }

    private func reserveTokenSums(_ number: Int) {
        let rows = windowRoom * sequenceRoom
        tokenSums[number].reserve(steps: rows, distinct: min(rows, distinct.vocabulary))
    }

    /// Rows that the first layer's products with the input have: the window's steps, or the distinct tokens of a folded
    /// embedding.
    package var inputRows: Int { isFolded ? distinct.tokens.count : window * sequences }

    /// Dropout on the embedding makes each step's input its own.
    private func findDistinctTokens(_ batch: Batch, _ tokens: StepTokens?) {
        isFolded = false
        guard !batch.tokens.isEmpty else { return }
        distinct.find(in: batch.tokens)
        guard !usesDropout else { return }
        isFolded =
            tokens?.isFolded
            ?? FoldedInput.pays(tokens: distinct.tokens.count, steps: batch.tokens.count)
    }

    /// The folded embedding of this window, whose distinct rows stand in `embedded`.
    func withFoldedInput(_ body: (FoldedInput) throws -> Void) rethrows {
        try distinct.places.withUnsafeBufferPointer { places in
            guard let first = places.baseAddress else { return }
            let rows = InputRows(
                embedded.pointer, pitch: embeddingPitch, columns: configuration.embeddingSize,
                count: distinct.tokens.count)
            try body(FoldedInput(rows: rows, gates: foldedGates, rowOfStep: first))
        }
    }

    private func grow(window: Int, sequences: Int, _ withDropout: Bool) {
        let rows = window * sequences
        windowRoom = window
        sequenceRoom = sequences
        layers = []
        wholeLayers = (0..<configuration.layers).map { _ in
            LayerActivations(window: window, sequences: sequences, for: configuration)
        }
        embedded = FloatBlock(count: rows * embeddingPitch)
        distinct.reserve(rows)
        for number in tokenSums.indices { reserveTokenSums(number) }
        let mostFolded = min(foldsAll ? rows : Int(Tuning.foldedShare * Double(rows)), distinct.vocabulary)
        let layout = GateLayout(configuration.cell, hiddenSize: configuration.hiddenSize)
        foldedGates = FloatBlock(count: layout.tiles * mostFolded * GateLayout.width)
        between = (0..<2).map { _ in FloatBlock(count: rows * max(hiddenPitch, embeddingPitch)) }
        scratch = LayerScratch(configuration, rows: rows)
        guard withDropout || !masks.isEmpty else { return }
        masks = (0...configuration.layers).map { place in
            FloatBlock(count: rows * (place == 0 ? embeddingPitch : hiddenPitch))
        }
        dropped = (0..<configuration.layers).map { _ in FloatBlock(count: rows * hiddenPitch) }
    }
}
