package import Tensors

/// The activations of one layer over one window, and the gradients that travel back through it.
///
/// Sized for the largest window seen; a smaller one uses the beginning of each block.
struct LayerActivations {
    let window: Int
    let sequences: Int
    let hiddenSize: Int
    let gateRows: Int
    let hasCellState: Bool
    /// `[T, B, G H]`: pre-activations, gates, then their gradients.
    let gates: FloatBlock
    /// `[T, B, H]`: see `CellStep.kept`.
    let kept: FloatBlock
    /// `[T + 1, B, H]`: step 0 is the state before the window.
    let hidden: FloatBlock
    /// As `hidden`, for a cell with c.
    let cell: FloatBlock
    /// `[B, H]`: gradients on their way to the step before.
    let hiddenGradient: FloatBlock
    let cellGradient: FloatBlock

    init(window: Int, sequences: Int, for configuration: NetworkConfiguration) {
        let units = sequences * configuration.hiddenSize
        self.window = window
        self.sequences = sequences
        hiddenSize = configuration.hiddenSize
        gateRows = configuration.cell.gates * configuration.hiddenSize
        hasCellState = configuration.cell.hasCellState
        gates = FloatBlock(count: window * sequences * gateRows)
        kept = FloatBlock(count: window * units)
        hidden = FloatBlock(count: (window + 1) * units)
        cell = FloatBlock(count: hasCellState ? (window + 1) * units : 0)
        hiddenGradient = FloatBlock(count: units)
        cellGradient = FloatBlock(count: hasCellState ? units : 0)
    }

    /// The same memory for a window of this shape, which must fit.
    init(_ whole: LayerActivations, window: Int, sequences: Int) {
        self.window = window
        self.sequences = sequences
        hiddenSize = whole.hiddenSize
        gateRows = whole.gateRows
        hasCellState = whole.hasCellState
        gates = whole.gates
        kept = whole.kept
        hidden = whole.hidden
        cell = whole.cell
        hiddenGradient = whole.hiddenGradient
        cellGradient = whole.cellGradient
    }

    func gateStep(_ t: Int) -> UnsafeMutablePointer<Float> { gates.pointer + t * sequences * gateRows }
    func keptStep(_ t: Int) -> UnsafeMutablePointer<Float> { kept.pointer + t * sequences * hiddenSize }
    /// h before step t.
    func hiddenStep(_ t: Int) -> UnsafeMutablePointer<Float> { hidden.pointer + t * sequences * hiddenSize }

    /// h after each step: the layer's output, `[T B, H]`.
    var output: UnsafeMutablePointer<Float> { hiddenStep(1) }

    func step(_ t: Int) -> CellStep {
        let cellPitch = hasCellState ? sequences * hiddenSize : 0
        return CellStep(
            rows: sequences, hiddenSize: hiddenSize, gates: gateStep(t), kept: keptStep(t),
            previousHidden: UnsafePointer(hiddenStep(t)), hidden: hiddenStep(t + 1),
            previousCell: UnsafePointer(cell.pointer + t * cellPitch), cell: cell.pointer + (t + 1) * cellPitch)
    }

    /// Copies h and c of the batch's streams from `state` to step 0.
    func begin(from state: RecurrentState, layer: Int, firstStream: Int) {
        let offset = state.offset(layer: layer, stream: firstStream)
        let count = sequences * hiddenSize
        hidden.pointer.update(from: state.hidden.pointer + offset, count: count)
        if hasCellState { cell.pointer.update(from: state.cell.pointer + offset, count: count) }
    }

    /// Copies h and c after the last step to `state`.
    func end(into state: RecurrentState, layer: Int, firstStream: Int) {
        let offset = state.offset(layer: layer, stream: firstStream)
        let count = sequences * hiddenSize
        (state.hidden.pointer + offset).update(from: hidden.pointer + window * count, count: count)
        if hasCellState { (state.cell.pointer + offset).update(from: cell.pointer + window * count, count: count) }
    }
}

/// The activations of one window of the whole network: what a forward pass leaves for the backward pass and for whoever
/// judges the outputs. It grows to the largest window it meets and is then reused.
package final class Workspace {
    private let configuration: NetworkConfiguration
    private var windowRoom = 0
    private var sequenceRoom = 0
    private var wholeLayers: [LayerActivations] = []

    /// The window at hand.
    private(set) var window = 0
    private(set) var sequences = 0
    private(set) var layers: [LayerActivations] = []
    /// `[T B, E]`: the embedding's output, or nothing when features are read where they lie.
    private(set) var embedded = FloatBlock(count: 0)
    /// One mask a place: the embedding's output, then each layer's output; `[T B, width]`, 0 or 1/(1 - rate).
    private(set) var masks: [FloatBlock] = []
    /// `[T B, H]` a layer: its output after dropout.
    private(set) var dropped: [FloatBlock] = []
    /// `[T B, max(H, E)]`, two of them: gradients between layers.
    private(set) var between: [FloatBlock] = []
    /// `[S, H]`: the top layer's output at the scored steps, where these are not all.
    private(set) var scoredHidden = FloatBlock(count: 0)
    private var outputs = FloatBlock(count: 0)
    /// The rows (t B + b) of the S scored steps, in order.
    private(set) var scoredRows: [Int32] = []
    /// Summed loss of each sequence of the batch, in Double.
    package internal(set) var sequenceLosses: [Double] = []
    var usesDropout = false

    package init(for configuration: NetworkConfiguration) { self.configuration = configuration }

    /// What the network answered at the scored steps of the last forward pass, valid until the backward pass:
    /// probabilities of classes, or values.
    package var scoredOutputs: ScoredOutputs {
        ScoredOutputs(
            rows: scoredRows, values: UnsafePointer(outputs.pointer), width: configuration.task.output.width)
    }

    var outputRows: UnsafeMutablePointer<Float> { outputs.pointer }
    var allRowsAreScored: Bool { scoredRows.count == window * sequences }

    /// Makes the memory fit a batch and lists its scored rows.
    func prepare(for batch: Batch, withDropout: Bool) {
        if batch.window > windowRoom || batch.sequences > sequenceRoom || (withDropout && masks.isEmpty) {
            grow(window: max(batch.window, windowRoom), sequences: max(batch.sequences, sequenceRoom), withDropout)
        }
        usesDropout = withDropout
        if batch.window != window || batch.sequences != sequences || layers.isEmpty {
            window = batch.window
            sequences = batch.sequences
            layers = wholeLayers.map { LayerActivations($0, window: window, sequences: sequences) }
        }
        sequenceLosses.removeAll(keepingCapacity: true)
        sequenceLosses.append(contentsOf: repeatElement(0, count: sequences))
        scoredRows.removeAll(keepingCapacity: true)
        for (row, target) in batch.targets.enumerated() where target != Batch.unscored {
            scoredRows.append(Int32(truncatingIfNeeded: row))
        }
        let width = configuration.task.output.width
        if outputs.count < scoredRows.count * width { outputs = FloatBlock(count: scoredRows.count * width) }
        if !allRowsAreScored && scoredHidden.count < scoredRows.count * configuration.hiddenSize {
            scoredHidden = FloatBlock(count: scoredRows.count * configuration.hiddenSize)
        }
    }

    private func grow(window: Int, sequences: Int, _ withDropout: Bool) {
        let rows = window * sequences
        let H = configuration.hiddenSize
        windowRoom = window
        sequenceRoom = sequences
        layers = []
        wholeLayers = (0..<configuration.layers).map { _ in
            LayerActivations(window: window, sequences: sequences, for: configuration)
        }
        embedded = FloatBlock(count: rows * configuration.embeddingSize)
        between = (0..<2).map { _ in FloatBlock(count: rows * max(H, configuration.embeddingSize)) }
        guard withDropout || !masks.isEmpty else { return }
        masks = (0...configuration.layers).map { place in
            FloatBlock(count: rows * (place == 0 ? configuration.embeddingSize : H))
        }
        dropped = (0..<configuration.layers).map { _ in FloatBlock(count: rows * H) }
    }
}
