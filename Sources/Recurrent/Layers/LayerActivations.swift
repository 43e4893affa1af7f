import Kernels
import Tensors

/// The activations of one layer over one window, and the gradients that travel back through it.
///
/// Sized for the largest window seen; a smaller one uses the beginning of each block. Rows of units are `pitch` floats apart,
/// whole vectors; what lies beyond H stays zero.
struct LayerActivations {
    let window: Int
    let sequences: Int
    let pitch: Int
    let hiddenSize: Int
    let hasCellState: Bool
    /// Tiles of `[T B, GateLayout.width]`: pre-activations, gates, then their gradients.
    let gates: FloatBlock
    /// `[T, B, H]`: see `CellStep.kept`.
    let kept: FloatBlock
    /// `[T + 1, B, H]`: step 0 is the state before the window.
    let hidden: FloatBlock
    /// As `hidden`, for a cell with c.
    let cell: FloatBlock
    /// `[B, H]`: the gradient of c on its way to the step before.
    let cellGradient: FloatBlock
    /// Groups of tiles of `[T B, GateLayout.width]`: the terms of the gradients of the cell's own vectors; empty without any.
    private let terms: FloatBlock
    /// Floats from one group to the next.
    let vectorGroupStride: Int
    /// `[B, H]`: where the gradient of the state before the window goes: nobody reads it.
    let beforeWindow: FloatBlock

    init(window: Int, sequences: Int, for configuration: NetworkConfiguration) {
        self.window = window
        self.sequences = sequences
        hiddenSize = configuration.hiddenSize
        pitch = Tuning.rowPitch(hiddenSize)
        hasCellState = configuration.cell.hasCellState
        let units = sequences * pitch
        let tiles = GateLayout(configuration.cell, hiddenSize: hiddenSize).tiles
        gates = FloatBlock(count: tiles * window * sequences * GateLayout.width)
        let layout = GateLayout(configuration.cell, hiddenSize: hiddenSize)
        terms = FloatBlock(count: layout.vectorGroups(configuration.cell.vectors.count) * gates.count)
        vectorGroupStride = gates.count
        kept = FloatBlock(count: window * units)
        hidden = FloatBlock(count: (window + 1) * units)
        cell = FloatBlock(count: hasCellState ? (window + 1) * units : 0)
        cellGradient = FloatBlock(count: hasCellState ? units : 0)
        beforeWindow = FloatBlock(count: units)
    }

    /// The same memory for a window of this shape, which must fit.
    init(_ whole: LayerActivations, window: Int, sequences: Int) {
        self.window = window
        self.sequences = sequences
        pitch = whole.pitch
        hiddenSize = whole.hiddenSize
        hasCellState = whole.hasCellState
        gates = whole.gates
        terms = whole.terms
        vectorGroupStride = whole.vectorGroupStride
        kept = whole.kept
        hidden = whole.hidden
        cell = whole.cell
        cellGradient = whole.cellGradient
        beforeWindow = whole.beforeWindow
    }

    /// T B.
    var rows: Int { window * sequences }

    /// The rows of a tile, from step t on.
    func gateTile(_ tile: Int, step t: Int = 0) -> UnsafeMutablePointer<Float> {
        gates.pointer + (tile * rows + t * sequences) * GateLayout.width
    }

    /// The rows of a group of own vectors, as `gateTile`.
    func vectorTerms(group: Int, tile: Int, step t: Int = 0) -> UnsafeMutablePointer<Float> {
        terms.pointer + (group * vectorGroupStride + (tile * rows + t * sequences) * GateLayout.width)
    }

    /// h before step t.
    func hiddenStep(_ t: Int) -> UnsafeMutablePointer<Float> { hidden.pointer + t * sequences * pitch }

    /// h after each step: the layer's output, `[T B, H]`.
    var output: UnsafeMutablePointer<Float> { hiddenStep(1) }

    /// A step of a tile whose first unit is `unit`.
    func step(_ t: Int, tile: Int, unit: Int, vectors: Int, _ ownVectors: CellStep.OwnVectors) -> CellStep {
        let units = sequences * pitch
        let cellUnits = hasCellState ? units : 0
        return CellStep(
            rows: sequences, vectors: vectors, gates: gateTile(tile, step: t), kept: kept.pointer + t * units + unit,
            previousHidden: UnsafePointer(hiddenStep(t)) + unit, hidden: hiddenStep(t + 1) + unit,
            previousCell: UnsafePointer(cell.pointer) + t * cellUnits + unit,
            cell: cell.pointer + (t + 1) * cellUnits + unit, pitch: pitch, ownVectors: ownVectors)
    }

    /// Copies h and c of the batch's streams from `state` to step 0.
    func begin(from state: RecurrentState, layer: Int, firstStream: Int) {
        let offset = state.offset(layer: layer, stream: firstStream)
        for b in 0..<sequences {
            let place = offset + b * hiddenSize
            (hidden.pointer + b * pitch).update(from: state.hidden.pointer + place, count: hiddenSize)
            if hasCellState { (cell.pointer + b * pitch).update(from: state.cell.pointer + place, count: hiddenSize) }
        }
    }

    /// Copies h and c after the last step to `state`.
    func end(into state: RecurrentState, layer: Int, firstStream: Int) {
        let offset = state.offset(layer: layer, stream: firstStream)
        for b in 0..<sequences {
            let row = (window * sequences + b) * pitch
            let place = offset + b * hiddenSize
            (state.hidden.pointer + place).update(from: hidden.pointer + row, count: hiddenSize)
            if hasCellState { (state.cell.pointer + place).update(from: cell.pointer + row, count: hiddenSize) }
        }
    }
}
