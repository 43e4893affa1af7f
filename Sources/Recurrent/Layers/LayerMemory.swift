import Kernels
import Tensors

/// The activations of one layer over one window, and the gradients that flow back through it.
///
/// Legend: T window, B sequences, H hidden. Sized for the largest window so far; a smaller one uses the beginning of
/// each block. Rows of units are `pitch` floats apart, whole vectors; units beyond H stay zero.
struct LayerMemory {
    let window: Int
    let sequences: Int
    let pitch: Int
    let hiddenSize: Int
    let hasCellState: Bool
    /// Tiles of `[T B, GateLayout.width]`: pre-activations, gates, then their gradients.
    let gates: FloatBlock
    /// Groups of tiles of `[T B, GateLayout.width]`: the terms of the gradients of the cell's own vectors; empty
    /// without any.
    private let terms: FloatBlock
    /// nil without layer normalisation.
    let norm: NormMemory?
    /// Floats from one group of own vectors to the next.
    let vectorGroupStride: Int
    /// `[T, B, H]`: see `CellStep.kept`.
    let kept: FloatBlock
    /// `[T + 1, B, H]`: step 0 is the state before the window.
    let hidden: FloatBlock
    /// As `hidden`, for a cell with c.
    let cell: FloatBlock
    /// `[B, H]`: the gradient of c on its way to the previous step; in the end, of c before the window.
    let cellGradient: FloatBlock
    /// `[B, H]`: the gradient of h before the window, complete only where the caller needs it.
    let initialHiddenGradient: FloatBlock

    /// - Parameter make: makes a block of this many floats.
    init(_ part: LayerPart, window: Int, sequences: Int, _ make: (Int) -> FloatBlock) {
        self.window = window
        self.sequences = sequences
        hiddenSize = part.hiddenSize
        pitch = Tuning.rowPitch(hiddenSize)
        hasCellState = part.cell.hasCellState
        let units = sequences * pitch
        let layout = part.gateLayout
        vectorGroupStride = layout.tiles * window * sequences * GateLayout.width
        gates = make(vectorGroupStride)
        terms = make(layout.vectorGroups(part.cell.vectors.count) * vectorGroupStride)
        norm = part.isNormalised ? NormMemory(layout, window: window, sequences: sequences, make) : nil
        kept = make(window * units)
        hidden = make((window + 1) * units)
        cell = make(hasCellState ? (window + 1) * units : 0)
        cellGradient = make(hasCellState ? units : 0)
        initialHiddenGradient = make(units)
    }

    /// The same memory for a window of this shape, which must fit.
    init(_ whole: LayerMemory, window: Int, sequences: Int) {
        self.window = window
        self.sequences = sequences
        pitch = whole.pitch
        hiddenSize = whole.hiddenSize
        hasCellState = whole.hasCellState
        gates = whole.gates
        terms = whole.terms
        norm = whole.norm
        vectorGroupStride = whole.vectorGroupStride
        kept = whole.kept
        hidden = whole.hidden
        cell = whole.cell
        cellGradient = whole.cellGradient
        initialHiddenGradient = whole.initialHiddenGradient
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

    /// The gradients of the products after the backward pass through time: those of the gates, unless they are
    /// normalised.
    var inputGradients: UnsafeMutablePointer<Float> { norm?.input.gradients.pointer ?? gates.pointer }
    var hiddenGradients: UnsafeMutablePointer<Float> { norm?.hidden.gradients.pointer ?? gates.pointer }

    /// The rows of all tiles, from step t on, of a block with the layout of `gates`.
    func rows(_ block: UnsafeMutablePointer<Float>, step t: Int = 0) -> LayerNorm.TileRows {
        LayerNorm.TileRows(pointer: block + t * sequences * GateLayout.width, stride: rows * GateLayout.width)
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

    // MARK: - Carried state

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

    /// Prepares for the backward pass: the gradient of the state after the window is `final`, or zero.
    ///
    /// - Parameter outputGradient: `[T B, H]`, to whose last step the part of h is added.
    func beginBackward(
        from final: RecurrentState?, layer: Int, firstStream: Int, _ outputGradient: UnsafeMutablePointer<Float>
    ) {
        cellGradient.clear()
        guard let final else { return }
        let offset = final.offset(layer: layer, stream: firstStream)
        for b in 0..<sequences {
            let place = offset + b * hiddenSize
            let last = outputGradient + ((window - 1) * sequences + b) * pitch
            UnsafeMutableBufferPointer(start: last, count: hiddenSize).add(final.hidden.pointer + place)
            if hasCellState {
                (cellGradient.pointer + b * pitch).update(from: final.cell.pointer + place, count: hiddenSize)
            }
        }
    }

    /// Copies the gradient of the state before the window to `initial`.
    func endBackward(into initial: RecurrentState, layer: Int, firstStream: Int) {
        let offset = initial.offset(layer: layer, stream: firstStream)
        for b in 0..<sequences {
            let place = offset + b * hiddenSize
            (initial.hidden.pointer + place).update(
                from: initialHiddenGradient.pointer + b * pitch, count: hiddenSize)
            if hasCellState {
                (initial.cell.pointer + place).update(from: cellGradient.pointer + b * pitch, count: hiddenSize)
            }
        }
    }
}

/// Packed factors of a recurrent layer's products, used by one layer at a time.
struct LayerScratch {
    /// Sums that wait for others (`leafStackCount`).
    let stack: UnsafeMutablePointer<Float>
    /// The hidden rows and the input rows as panels of columns, `[K][columns]` each, K = T B.
    let hiddenPanels: UnsafeMutablePointer<Float>
    let inputPanels: UnsafeMutablePointer<Float>
    /// A tile's gates packed by sequence, if the kernels want them so.
    let gates: UnsafeMutablePointer<Float>
    /// Weights; in the memory of the hidden rows, which `RecurrentLayer.sumGradients` packs, uses and releases before
    /// any weights are packed.
    var weightPanels: UnsafeMutablePointer<Float> { hiddenPanels }
    private let block: FloatBlock

    /// For windows of up to `rows` steps of all sequences together.
    ///
    /// - Parameter make: makes a block of this many floats.
    init(_ layers: [LayerPart], rows: Int, _ make: (Int) -> FloatBlock) {
        let counts = Self.counts(layers, rows: rows)
        block = make(counts.reduce(0, +))
        stack = block.pointer
        hiddenPanels = stack + counts[0]
        inputPanels = hiddenPanels + counts[1]
        gates = inputPanels + counts[2]
    }

    /// Floats of stack, hidden panels, input panels and gates, whole lines.
    private static func counts(_ layers: [LayerPart], rows: Int) -> [Int] {
        let hidden = layers[0].hiddenSize
        let input = layers.map(\.inputSize).max() ?? 0
        let layout = layers[0].gateLayout
        let tilesAtOnce = max(1, Tuning.current.inputGradientBlock / layout.width(layout.inputSlots))
        let weights = max(
            input * GateLayout.width, tilesAtOnce * layout.width(layout.inputSlots) * wholeVectors(input))
        let gates = Tuning.current.leafBlock > 0 ? rows * GateLayout.width : 0
        return [leafStackCount, max(rows * wholeVectors(hidden), weights), rows * wholeVectors(input), gates].map(
            TensorLayout.wholeLines)
    }
}
