import Kernels
import Tensors

/// One recurrent layer over a window: forward, and back-propagation through time below it.
///
/// Legend: T window, B sequences, R = T B rows, I input width, H hidden, G gates. Gates are stored in tiles
/// (`GateLayout`); everything else is row-major with padded rows. h and c have T + 1 steps, of which the first is the
/// state before the window.
///
/// The recurrent weights are read T times forward and T times backward, so `pack` lays them out once per update. The
/// weights of the products over all steps at once are packed where they are used, which costs a hundredth of the
/// product.
struct RecurrentLayer {
    let cell: any Cell.Type
    let inputSize: Int
    let hiddenSize: Int
    let layout: GateLayout
    let weights: Weights
    let gradients: Weights
    let packed: Packed
    /// Of the products with input and hidden state; nil: they are not normalised.
    let norms: (input: LayerNorm, hidden: LayerNorm)?
    /// The number of the cell's own vectors.
    let vectors: Int
    var vectorStride: Int { TensorLayout.wholeLines(hiddenSize) }

    /// Pointers to a layer's tensors, in the parameters or in a gradient block.
    struct Weights {
        let inputWeight: UnsafeMutablePointer<Float>  // [G H, I]
        let hiddenWeight: UnsafeMutablePointer<Float>  // [G H, H]
        let inputBias: UnsafeMutablePointer<Float>  // [G H]
        let hiddenBias: UnsafeMutablePointer<Float>  // [G H]
        /// The gains of layer normalisation `[G H]`; nil: there is none.
        let inputGain: UnsafeMutablePointer<Float>?
        let hiddenGain: UnsafeMutablePointer<Float>?
        /// The cell's own vectors, `[H]` each, `vectorStride` floats apart; nil: it has none.
        let ownVectors: UnsafeMutablePointer<Float>?

        /// - Parameter tensors: those of `part.parameters`, in their order.
        init(_ part: LayerPart, _ tensors: ArraySlice<TensorLayout.Tensor>, in block: FloatBlock) {
            let pointers = tensors.map { block.pointer + $0.offset }
            inputWeight = pointers[0]
            hiddenWeight = pointers[1]
            inputBias = pointers[2]
            hiddenBias = pointers[3]
            inputGain = part.isNormalised ? pointers[4] : nil
            hiddenGain = part.isNormalised ? pointers[5] : nil
            ownVectors = pointers.dropFirst(part.isNormalised ? 6 : 4).first
        }
    }

    /// Biases and recurrent weights as the kernels read them; `pack` writes them.
    struct Packed {
        /// For each tile a row of `GateLayout.width`: the sum of the biases of each slot.
        let bias: FloatBlock
        /// For each tile, `[H, hidden slots]`: the weights of h_t W_h^T.
        let forwardPanels: FloatBlock
        /// Panels of H columns, `[tiles, hidden slots, units]` deep: the weights of dz_t W_h.
        let backwardPanels: FloatBlock
        /// For each product the gains of layer normalisation (`LayerNorm.packedCount`), or nothing.
        let norms: FloatBlock

        /// - Parameter make: makes a block of this many floats.
        init(_ part: LayerPart, _ make: (Int) -> FloatBlock) {
            let layout = part.gateLayout
            bias = make(layout.tiles * GateLayout.width)
            let depth = layout.tiles * layout.width(layout.hiddenSlots)
            forwardPanels = make(depth * layout.hiddenSize)
            backwardPanels = make(depth * wholeVectors(layout.hiddenSize))
            norms = make(part.isNormalised ? 2 * LayerNorm.packedCount(layout) : 0)
        }
    }

    /// - Parameter tensors: where the part's tensors are in both blocks.
    init(
        _ part: LayerPart, at tensors: ArraySlice<TensorLayout.Tensor>, parameters: FloatBlock, gradients: FloatBlock,
        packed: Packed
    ) {
        cell = part.cell
        inputSize = part.inputSize
        hiddenSize = part.hiddenSize
        layout = part.gateLayout
        vectors = cell.vectors.count
        weights = Weights(part, tensors, in: parameters)
        self.gradients = Weights(part, tensors, in: gradients)
        self.packed = packed
        guard part.isNormalised else {
            norms = nil
            return
        }
        norms = (
            LayerNorm(layout, layout.inputSlots, memory: packed.norms.pointer),
            LayerNorm(
                layout, layout.hiddenSlots, memory: packed.norms.pointer + LayerNorm.packedCount(layout))
        )
    }

    private var weightsStayInCache: Bool {
        packed.forwardPanels.count * MemoryLayout<Float>.stride <= Tuning.cachedWeightBytes
    }

    // MARK: - Packing

    /// Lays out biases and recurrent weights of some tiles for the kernels: each tile once per update.
    func pack(_ tiles: Range<Int>) {
        let hiddenColumns = layout.width(layout.hiddenSlots)
        for tile in tiles {
            let units = layout.units(ofTile: tile).count
            for slot in layout.gates.indices {
                let row = layout.weightRow(slot, ofTile: tile)
                let to = packed.bias.pointer + tile * GateLayout.width + slot * layout.unitsPerTile
                for unit in 0..<units {
                    to[unit] =
                        (layout.inputSlots.contains(slot) ? weights.inputBias[row + unit] : 0)
                        + (layout.hiddenSlots.contains(slot) ? weights.hiddenBias[row + unit] : 0)
                }
            }
            packTransposedTile(
                tile, layout.hiddenSlots, weights.hiddenWeight, width: hiddenSize,
                into: packed.forwardPanels.pointer + tile * hiddenSize * hiddenColumns)
        }
        if let norms, let inputGain = weights.inputGain, let hiddenGain = weights.hiddenGain {
            norms.input.pack(tiles, gain: inputGain)
            norms.hidden.pack(tiles, gain: hiddenGain)
        }
        for panel in ColumnPanels(of: hiddenSize) {
            let start = packed.backwardPanels.pointer + layout.tiles * hiddenColumns * panel.lowerBound
            for tile in tiles {
                packTile(
                    tile, layout.hiddenSlots, weights.hiddenWeight + panel.lowerBound, pitch: hiddenSize,
                    columns: panel.count, into: start + tile * hiddenColumns * wholeVectors(panel.count))
            }
        }
    }

    /// A tile's rows of a weight matrix `[G H, width]` as columns: `[width, columns of the slots]`.
    private func packTransposedTile(
        _ tile: Int, _ slots: Range<Int>, _ weight: UnsafePointer<Float>, width: Int,
        into panel: UnsafeMutablePointer<Float>
    ) {
        let columns = layout.columns(slots, ofTile: tile)
        let units = layout.units(ofTile: tile).count
        for slot in slots {
            let row = layout.weightRow(slot, ofTile: tile)
            for vector in 0..<layout.unitVectors(ofTile: tile) {
                let first = vector * Vector.lanes
                packTransposed(
                    from: weight + (row + first) * width, pitch: width, lanes: min(Vector.lanes, units - first),
                    count: width, into: panel + (slot - slots.lowerBound) * layout.unitsPerTile + first,
                    panelPitch: columns)
            }
        }
    }

    /// A tile's rows of some columns of a weight matrix, not transposed: `[slots, units, columns]`.
    func packTile(
        _ tile: Int, _ slots: Range<Int>, _ weight: UnsafePointer<Float>, pitch: Int, columns: Int,
        into panel: UnsafeMutablePointer<Float>
    ) {
        let units = layout.units(ofTile: tile).count
        let width = wholeVectors(columns)
        for slot in slots {
            let to = panel + (slot - slots.lowerBound) * layout.unitsPerTile * width
            packColumns(
                from: weight + layout.weightRow(slot, ofTile: tile) * pitch, pitch: pitch, columns: columns,
                count: units, into: to)
            (to + units * width).update(repeating: 0, count: (layout.unitsPerTile - units) * width)
        }
    }

    // MARK: - Forward

    /// Reads the input, starts from step 0 of h and c, and computes the other T steps.
    func forward(_ input: LayerInput, _ a: LayerMemory, _ scratch: LayerScratch) {
        switch input {
        case .rows(let rows):
            project(rows, to: a.gates.pointer, scratch)
            if let norms, let norm = a.norm {
                let gates = a.rows(a.gates.pointer)
                norms.input.forward(
                    gates, bias: packed.bias.pointer, into: gates, normalised: a.rows(norm.input.normalised.pointer),
                    scales: norm.input.scales.pointer, rows: a.rows, norm.sums)
            }
        case .folded(let folded): project(folded.rows, to: folded.gates.pointer, scratch)
        }
        for t in 0..<a.window {
            if let norms, let norm = a.norm {
                recurNormalised(t, a, norms.hidden, norm)
                continue
            }
            for tile in 0..<layout.tiles {
                if case .folded(let folded) = input { folded.copyGates(ofTile: tile, step: t, to: a) }
                recur(t, tile, a, start: .result, to: a.gateTile(tile, step: t))
                cell.forward(step(t, tile, a))
            }
        }
    }

    /// A time step with layer normalisation: the product of all tiles, then the cell.
    private func recurNormalised(_ t: Int, _ a: LayerMemory, _ layerNorm: LayerNorm, _ norm: NormMemory) {
        let tileCount = a.sequences * GateLayout.width
        for tile in 0..<layout.tiles {
            recur(t, tile, a, start: .zero, to: norm.product.pointer + tile * tileCount)
        }
        layerNorm.forward(
            LayerNorm.TileRows(pointer: norm.product.pointer, stride: tileCount), bias: nil,
            into: a.rows(a.gates.pointer, step: t), normalised: a.rows(norm.hidden.normalised.pointer, step: t),
            scales: norm.hidden.scales.pointer + t * a.sequences, rows: a.sequences, norm.sums)
        for tile in 0..<layout.tiles { cell.forward(step(t, tile, a)) }
    }

    /// What the cell sees of a time step, for the units of a tile.
    private func step(_ t: Int, _ tile: Int, _ a: LayerMemory) -> CellStep {
        let unit = layout.units(ofTile: tile).lowerBound
        return a.step(
            t, tile: tile, unit: unit, vectors: layout.unitVectors(ofTile: tile),
            CellStep.OwnVectors(
                values: UnsafePointer(weights.ownVectors ?? weights.hiddenBias) + (vectors > 0 ? unit : 0),
                stride: vectorStride, terms: a.vectorTerms(group: 0, tile: tile, step: t),
                slots: layout.vectorsPerGroup, groupStride: a.vectorGroupStride))
    }

    /// gates = x W_x^T + b, for all rows of an input; without b where layer normalisation follows.
    private func project(_ input: InputRows, to gates: UnsafeMutablePointer<Float>, _ scratch: LayerScratch) {
        for tile in 0..<layout.tiles {
            packTransposedTile(
                tile, layout.inputSlots, weights.inputWeight, width: inputSize, into: scratch.weightPanels)
            let rows = gates + tile * input.count * GateLayout.width
            let row = packed.bias.pointer + tile * GateLayout.width
            let first = layout.firstColumn(layout.inputSlots)
            multiply(
                rows: input.count, LeftFactor(rows: input.pointer, pitch: input.pitch, count: inputSize),
                panel: scratch.weightPanels, columns: layout.columns(layout.inputSlots, ofTile: tile),
                start: norms == nil ? .row(row + first) : .zero, into: ResultRows(rows + first, pitch: GateLayout.width)
            )
            beginOtherSlots(ofTile: tile, rows, input.count)
        }
    }

    /// The slots without an input product start from their bias, and the unused columns of a narrow last tile from
    /// zero.
    private func beginOtherSlots(ofTile tile: Int, _ rows: UnsafeMutablePointer<Float>, _ count: Int) {
        let row = packed.bias.pointer + tile * GateLayout.width
        let used = layout.firstColumn(layout.inputSlots) + layout.columns(layout.inputSlots, ofTile: tile)
        guard used < GateLayout.width else { return }
        for index in 0..<count {
            (rows + index * GateLayout.width + used).update(from: row + used, count: GateLayout.width - used)
        }
    }

    /// A tile's gates of step t += h_{t-1} W_h^T, or memory for this product = it. Prefetches the next block of weights
    /// or, where the weights stay in the cache, the next tile of gates.
    private func recur(
        _ t: Int, _ tile: Int, _ a: LayerMemory, start: ProductStart, to product: UnsafeMutablePointer<Float>
    ) {
        let columns = layout.columns(layout.hiddenSlots, ofTile: tile)
        let panel = packed.forwardPanels.pointer + tile * hiddenSize * layout.width(layout.hiddenSlots)
        let result = ResultRows(product + layout.firstColumn(layout.hiddenSlots), pitch: GateLayout.width)
        let blockLength = Tuning.current.recurrentBlock
        for first in stride(from: 0, to: hiddenSize, by: blockLength) {
            let count = min(blockLength, hiddenSize - first)
            let block = panel + first * columns
            multiply(
                rows: a.sequences, LeftFactor(rows: a.hiddenStep(t) + first, pitch: a.pitch, count: count),
                panel: block, columns: columns, start: first > 0 ? .result : start, into: result,
                prefetching: weightsStayInCache
                    ? .floats(a.gateTile(tile + 1, step: t), a.sequences * GateLayout.width)
                    : .floats(block + count * columns, count * columns))
        }
    }

    // MARK: - Backward

    /// Where a layer's gradients go.
    struct Backward {
        /// How they are summed over the sequences of the batch.
        let sums: BatchSums
        /// Floats from a gradient block to the next.
        let blockStride: Int
        /// For a folded input; otherwise nil.
        let fold: Fold?
        /// Receives the gradient of the input: `[R, I]`, or a row for each token of a folded input; nil: it is not
        /// computed.
        let inputGradient: ResultRows?
        /// Whether the gradient of the state before the window is used; otherwise it is not complete.
        let needsInitialState: Bool

        /// The gate gradients of a folded input, summed for each of D tokens.
        struct Fold {
            /// For each of the sums, the steps of each token.
            let tokens: [TokenSums]
            /// Receives the sums: tiles of `[D, GateLayout.width]`.
            let gates: UnsafeMutablePointer<Float>
            /// Floats from these tiles to those of the next gradient block.
            let stride: Int
            let distinct: Int
            /// The tokens' embeddings, `[D, E]`, where the products follow at once; nil: only the sums are needed.
            let rows: InputRows?
            let adding: Bool
        }
    }

    /// Reads the gradient of the layer's output `[R, H]` in `outputGradient` and of its last state
    /// (`LayerMemory.beginBackward`); writes the gradients of the weights, and those of the input and of the first
    /// state where needed. Gates and `outputGradient` hold other gradients afterwards.
    func backward(
        _ input: LayerInput, _ outputGradient: UnsafeMutablePointer<Float>, _ a: LayerMemory,
        _ wanted: Backward, _ scratch: LayerScratch
    ) {
        throughTime(outputGradient, a, toInitialState: wanted.needsInitialState)
        var x: InputRows?
        if case .rows(let rows) = input { x = rows }
        sumGradients(a, x: x, wanted, scratch)
        if let fold = wanted.fold {
            guard let rows = fold.rows else { return }
            inputWeightGradient(
                fold.gates, rows, tiles: 0..<layout.tiles, into: gradients.inputWeight, adding: fold.adding, scratch)
            if let result = wanted.inputGradient {
                gradientOfInput(fold.gates, 0..<rows.count, of: rows.count, into: result, scratch)
            }
        } else if let result = wanted.inputGradient {
            gradientOfInput(a.inputGradients, 0..<a.rows, of: a.rows, into: result, scratch)
        }
    }

    /// Replaces the gates by their gradients, from the last step to the first.
    private func throughTime(
        _ outputGradient: UnsafeMutablePointer<Float>, _ a: LayerMemory, toInitialState: Bool
    ) {
        if toInitialState { a.initialHiddenGradient.clear() }
        let units = a.sequences * a.pitch
        for t in (0..<a.window).reversed() {
            let gradient = outputGradient + t * units
            if t + 1 < a.window { recurBack(from: t + 1, a, to: gradient) }
            for tile in 0..<layout.tiles {
                let unit = layout.units(ofTile: tile).lowerBound
                let previous = t > 0 ? gradient - units : a.initialHiddenGradient.pointer
                let cellGradient = a.cellGradient.pointer + (cell.hasCellState ? unit : 0)
                cell.backward(
                    step(t, tile, a),
                    CellGradients(hidden: gradient + unit, previousHidden: previous + unit, cell: cellGradient))
            }
            if let norms, let norm = a.norm {
                norms.hidden.backward(
                    a.rows(a.gates.pointer, step: t), normalised: a.rows(norm.hidden.normalised.pointer, step: t),
                    scales: norm.hidden.scales.pointer + t * a.sequences,
                    into: a.rows(norm.hidden.gradients.pointer, step: t), rows: a.sequences, norm.sums)
            }
        }
        if let norms, let norm = a.norm {
            norms.input.backward(
                a.rows(a.gates.pointer), normalised: a.rows(norm.input.normalised.pointer),
                scales: norm.input.scales.pointer, into: a.rows(norm.input.gradients.pointer), rows: a.rows, norm.sums)
        }
        if toInitialState { recurBack(from: 0, a, to: a.initialHiddenGradient.pointer) }
    }

    /// gradient of h += dz W_h, where dz are the gate gradients of the next step. Prefetches this step's gates, which
    /// the cell needs next, and then the weights.
    private func recurBack(from t: Int, _ a: LayerMemory, to gradient: UnsafeMutablePointer<Float>) {
        let depth = layout.width(layout.hiddenSlots)
        let tilesAtOnce = max(1, Tuning.current.backwardBlock / depth)
        for panel in ColumnPanels(of: hiddenSize) {
            let columns = wholeVectors(panel.count)
            let weights = packed.backwardPanels.pointer + layout.tiles * depth * panel.lowerBound
            for first in stride(from: 0, to: layout.tiles, by: tilesAtOnce) {
                let count = min(tilesAtOnce, layout.tiles - first)
                let block = weights + first * depth * columns
                multiply(
                    rows: a.sequences,
                    gateRows(
                        a.hiddenGradients + (first * a.rows + t * a.sequences) * GateLayout.width, layout.hiddenSlots,
                        rowsOfTile: a.rows, tiles: count),
                    panel: block, columns: columns, start: .result,
                    into: ResultRows(gradient + panel.lowerBound, pitch: a.pitch),
                    prefetching: panel.lowerBound == 0
                        ? .blocksBeside(-a.sequences * GateLayout.width)
                        : .floats(block + count * depth * columns, count * depth * columns))
            }
        }
    }

    /// Rows of gates as a left factor: k runs over the slots' units, tile after tile.
    func gateRows(
        _ gates: UnsafePointer<Float>, _ slots: Range<Int>, rowsOfTile: Int, tiles: Int
    ) -> LeftFactor {
        LeftFactor(
            gates + layout.firstColumn(slots), rowStride: GateLayout.width, step: 1,
            blockLength: layout.width(slots), blockStride: rowsOfTile * GateLayout.width, blocks: tiles)
    }
}
