import Kernels
import Tensors

// The products and sums that turn gate gradients into the gradients of weights and inputs.
extension RecurrentLayer {
    /// The gradients of recurrent weights, biases and the cell's own vectors, and of input weights where the input is
    /// not folded, all sums over the steps; for a folded input the sums of gate gradients.
    ///
    /// Rows of h and of x are packed as panels of columns (legend: K = T B steps), ordered by sequence, then by step;
    /// where all steps are one leaf, in the order in which they are stored. Gate gradients are read in place.
    func sumGradients(_ a: LayerMemory, x: InputRows?, _ wanted: Backward, _ scratch: LayerScratch) {
        let h = InputRows(a.hidden.pointer, pitch: a.pitch, columns: hiddenSize, count: a.rows)
        let bySequence = !wanted.sums.areOneLeaf
        packPanels(h, a, bySequence, into: scratch.hiddenPanels)
        if let x { packPanels(x, a, bySequence, into: scratch.inputPanels) }
        // With layer normalisation the two products' gradients differ; they are read in place.
        let packsGates = bySequence && a.norm == nil && Tuning.packsGates(window: a.window, sequences: a.sequences)
        for tile in 0..<layout.tiles {
            let gates = a.gateTile(tile)
            let place = tile * a.rows * GateLayout.width
            if packsGates {
                packBySequence(from: gates, window: a.window, sequences: a.sequences, into: scratch.gates)
            }
            for (index, node) in wanted.sums.nodes.enumerated() {
                let block = node.sum.block * wanted.blockStride
                wanted.sums.withRuns(of: node) { runs in
                    sumBiases(tile, node, runs, gates, at: block, scratch)
                    sumGains(tile, node, runs, a, at: block, scratch)
                    if vectors > 0 { sumOwnVectors(tile, node, runs, a, at: block, scratch) }
                }
                func sum(_ runs: UnsafeBufferPointer<LeafRun>) {
                    let step = packsGates ? GateLayout.width : node.runStep
                    sumProducts(
                        tile, layout.hiddenSlots, node,
                        LeafFactor(packsGates ? scratch.gates : a.hiddenGradients + place, step: step, runs: runs),
                        scratch.hiddenPanels, columns: hiddenSize, a, into: gradients.hiddenWeight + block, scratch)
                    guard x != nil else { return }
                    sumProducts(
                        tile, layout.inputSlots, node,
                        LeafFactor(packsGates ? scratch.gates : a.inputGradients + place, step: step, runs: runs),
                        scratch.inputPanels, columns: inputSize, a, into: gradients.inputWeight + block, scratch)
                }
                if packsGates {
                    wanted.sums.withPackedRuns(of: node, sum)
                } else {
                    wanted.sums.withRuns(of: node, sum)
                }
                if let fold = wanted.fold {
                    let sums =
                        fold.gates + (node.sum.block * fold.stride + tile * fold.distinct * GateLayout.width)
                    fold.tokens[index].sum(
                        a.gateTile(tile), pitch: GateLayout.width, columns: GateLayout.width,
                        adding: fold.rows == nil && node.sum.adds, stack: scratch.stack
                    ) { sums + $0 * GateLayout.width }
                }
            }
        }
    }

    private func packPanels(
        _ rows: InputRows, _ a: LayerMemory, _ bySequence: Bool, into panels: UnsafeMutablePointer<Float>
    ) {
        guard bySequence else {
            return Kernels.packPanels(
                from: rows.pointer, pitch: rows.pitch, columns: rows.columns, count: rows.count,
                vectors: Tuning.leafVectors, into: panels)
        }
        for panel in ColumnPanels.forLeaves(of: rows.columns) {
            for b in 0..<a.sequences {
                packColumns(
                    from: rows.pointer + (b * rows.pitch + panel.lowerBound), pitch: a.sequences * rows.pitch,
                    columns: panel.count, count: a.window,
                    into: panels + (rows.count * panel.lowerBound + b * a.window * wholeVectors(panel.count)))
            }
        }
    }

    /// gradient `[G H, columns]` = (or +=) dz^T x, for the rows of a tile, over the sequences of a sum.
    private func sumProducts(
        _ tile: Int, _ slots: Range<Int>, _ node: BatchSums.Node, _ gates: LeafFactor,
        _ panels: UnsafeMutablePointer<Float>, columns: Int, _ a: LayerMemory,
        into gradient: UnsafeMutablePointer<Float>, _ scratch: LayerScratch
    ) {
        let units = layout.units(ofTile: tile).count
        for panel in ColumnPanels.forLeaves(of: columns) {
            let packed = panels + a.rows * panel.lowerBound + node.steps.lowerBound * wholeVectors(panel.count)
            for group in layout.groups(slots, ofTile: tile) {
                let slot = group.lowerBound
                let first = gradient + layout.weightRow(slot, ofTile: tile) * columns + panel.lowerBound
                multiplyByLeaves(
                    rows: group.count * units,
                    LeafFactor(gates.pointer + slot * layout.unitsPerTile, step: gates.step, runs: gates.runs),
                    panel: packed, columns: panel.count, adding: node.sum.adds,
                    into: GroupedRows(first, pitch: columns, groupRows: units, groupStride: hiddenSize * columns),
                    stack: scratch.stack)
            }
        }
    }

    /// The gradients of a tile's biases = (or +=) the sum of dz, over the sequences of a sum.
    private func sumBiases(
        _ tile: Int, _ node: BatchSums.Node, _ runs: UnsafeBufferPointer<LeafRun>, _ gates: UnsafePointer<Float>,
        at block: Int, _ scratch: LayerScratch
    ) {
        sumRowsByLeaves(gates, step: node.runStep, runs: runs, stack: scratch.stack)
        putSums(tile, layout.inputSlots, node, scratch, to: gradients.inputBias + block)
        putSums(tile, layout.hiddenSlots, node, scratch, to: gradients.hiddenBias + block)
    }

    /// The gradients of a tile's gains of layer normalisation, as those of biases.
    private func sumGains(
        _ tile: Int, _ node: BatchSums.Node, _ runs: UnsafeBufferPointer<LeafRun>, _ a: LayerMemory, at block: Int,
        _ scratch: LayerScratch
    ) {
        guard let norm = a.norm, let inputGain = gradients.inputGain, let hiddenGain = gradients.hiddenGain else {
            return
        }
        let place = tile * a.rows * GateLayout.width
        sumRowsByLeaves(
            norm.input.normalised.pointer + place, step: node.runStep, runs: runs, stack: scratch.stack)
        putSums(tile, layout.inputSlots, node, scratch, to: inputGain + block)
        sumRowsByLeaves(
            norm.hidden.normalised.pointer + place, step: node.runStep, runs: runs, stack: scratch.stack)
        putSums(tile, layout.hiddenSlots, node, scratch, to: hiddenGain + block)
    }

    /// gradient `[G H]` = (or +=) the sums of some slots of a tile, which are at the stack's start.
    private func putSums(
        _ tile: Int, _ slots: Range<Int>, _ node: BatchSums.Node, _ scratch: LayerScratch,
        to gradient: UnsafeMutablePointer<Float>
    ) {
        let units = layout.units(ofTile: tile).count
        for slot in slots {
            let sums = scratch.stack + slot * layout.unitsPerTile
            let result = gradient + layout.weightRow(slot, ofTile: tile)
            for unit in 0..<units { result[unit] = (node.sum.adds ? result[unit] : 0) + sums[unit] }
        }
    }

    /// The gradients of a tile's part of the cell's own vectors = (or +=) the sum of their terms, over the sequences of
    /// a sum.
    private func sumOwnVectors(
        _ tile: Int, _ node: BatchSums.Node, _ runs: UnsafeBufferPointer<LeafRun>, _ a: LayerMemory, at place: Int,
        _ scratch: LayerScratch
    ) {
        guard let gradient = gradients.ownVectors else { return }
        let units = layout.units(ofTile: tile)
        for first in stride(from: 0, to: vectors, by: layout.vectorsPerGroup) {
            sumRowsByLeaves(
                a.vectorTerms(group: first / layout.vectorsPerGroup, tile: tile), step: node.runStep, runs: runs,
                stack: scratch.stack)
            for vector in first..<min(first + layout.vectorsPerGroup, vectors) {
                let sums = scratch.stack + (vector - first) * layout.unitsPerTile
                let result = gradient + (place + vector * vectorStride + units.lowerBound)
                for unit in 0..<units.count { result[unit] = (node.sum.adds ? result[unit] : 0) + sums[unit] }
            }
        }
    }

    /// gradient `[G H, I]` = (or +=) dz^T x for the weights of some tiles, over rows that already are sums over steps.
    ///
    /// - Parameter gates: tiles of `[rows, GateLayout.width]`.
    func inputWeightGradient(
        _ gates: UnsafePointer<Float>, _ x: InputRows, tiles: Range<Int>, into gradient: UnsafeMutablePointer<Float>,
        adding: Bool, _ scratch: LayerScratch
    ) {
        Kernels.packPanels(
            from: x.pointer, pitch: x.pitch, columns: x.columns, count: x.count, into: scratch.inputPanels)
        for tile in tiles {
            for slot in layout.inputSlots {
                multiply(
                    rows: layout.units(ofTile: tile).count,
                    LeftFactor(
                        columns: gates + tile * x.count * GateLayout.width + slot * layout.unitsPerTile,
                        pitch: GateLayout.width, count: x.count),
                    panels: scratch.inputPanels, columns: x.columns, start: adding ? .result : .zero,
                    into: ResultRows(
                        gradient + layout.weightRow(slot, ofTile: tile) * x.columns, pitch: x.columns),
                    rowsAtOnce: layout.unitsPerTile)
            }
        }
    }

    /// result `[rows, I]` = dz W_x, for some rows of gate gradients in tiles of `all` rows.
    func gradientOfInput(
        _ gates: UnsafePointer<Float>, _ rows: Range<Int>, of all: Int, into result: ResultRows,
        _ scratch: LayerScratch
    ) {
        let depth = layout.width(layout.inputSlots)
        let tilesAtOnce = max(1, Tuning.current.inputGradientBlock / depth)
        for first in stride(from: 0, to: layout.tiles, by: tilesAtOnce) {
            let count = min(tilesAtOnce, layout.tiles - first)
            for panel in ColumnPanels(of: inputSize) {
                let start = scratch.weightPanels + count * depth * panel.lowerBound
                for tile in 0..<count {
                    packTile(
                        first + tile, layout.inputSlots, weights.inputWeight + panel.lowerBound, pitch: inputSize,
                        columns: panel.count, into: start + tile * depth * wholeVectors(panel.count))
                }
            }
            multiply(
                rows: rows.count,
                gateRows(
                    gates + (first * all + rows.lowerBound) * GateLayout.width, layout.inputSlots, rowsOfTile: all,
                    tiles: count),
                panels: scratch.weightPanels, columns: wholeVectors(inputSize), start: first > 0 ? .result : .zero,
                into: result, rowsAtOnce: Tuning.current.inputGradientRows)
        }
    }
}
