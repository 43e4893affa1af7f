import Kernels
import Tensors

extension Product {
    /// dx `[R, I]` = dz `[R, 4H]` W_x, I = H, with packing of the weights.
    package static func gradientOfInput(rows: Int, hidden: Int) -> Product {
        let tiles = tiles(hidden)
        let columns = wholeVectors(hidden)
        let gates = numbers(tiles * rows * width, seed: 5)
        let weights = numbers(tiles * width * columns, seed: 6)
        let panels = FloatBlock(count: tiles * width * columns)
        let result = FloatBlock(count: rows * columns)
        return Product(
            title: "gradient of a layer's input [\(rows), \(4 * hidden)] x [\(4 * hidden), \(hidden)]",
            operations: 2 * Double(rows * tiles * width * columns), slices: 1
        ) { tuning, _ in
            let tilesAtOnce = max(1, tuning.inputGradientBlock / width)
            for first in stride(from: 0, to: tiles, by: tilesAtOnce) {
                let count = min(tilesAtOnce, tiles - first)
                packPanels(
                    from: weights.pointer + first * width * columns, pitch: columns, columns: columns,
                    count: count * width, into: panels.pointer)
                multiply(
                    rows: rows,
                    LeftFactor(
                        gates.pointer + first * rows * width, rowStride: width, step: 1, blockLength: width,
                        blockStride: rows * width, blocks: count),
                    panels: panels.pointer, columns: columns, start: first > 0 ? .result : .zero,
                    into: ResultRows(result.pointer, pitch: columns), rowsAtOnce: tuning.inputGradientRows)
            }
        } distance: {
            distance(
                rows: rows, columns: columns, inner: tiles * width, { result.pointer[$0 * columns + $1] },
                { gates.pointer[($1 / width * rows + $0) * width + $1 % width] }, { weights.pointer[$0 * columns + $1] }
            )
        }
    }

    /// dW `[4H, H]` = dz^T h over the time steps of all sequences, a leaf for each sequence. A slice is a tile of gates.
    package static func gradientOfWeight(window: Int, sequences: Int, hidden: Int) -> Product {
        let steps = window * sequences
        let tiles = tiles(hidden)
        let gates = numbers(tiles * steps * width, seed: 7)
        let h = numbers(steps * hidden, seed: 8)
        let panels = FloatBlock(count: steps * wholeVectors(hidden))
        let result = FloatBlock(count: tiles * width * hidden)
        let stack = FloatBlock(count: leafStackCount)
        for panel in ColumnPanels.forLeaves(of: hidden) {
            for b in 0..<sequences {
                packColumns(
                    from: h.pointer + (b * hidden + panel.lowerBound), pitch: sequences * hidden,
                    columns: panel.count, count: window,
                    into: panels.pointer + (steps * panel.lowerBound + b * window * wholeVectors(panel.count)))
            }
        }
        let merges = SumTree.merges(inside: 0..<sequences)
        let leaves = (0..<sequences).map { LeafRun(offset: $0 * width, steps: window, merges: merges[$0]) }
        return Product(
            title:
                "gradient of a weight [\(4 * hidden), \(steps)] x [\(steps), \(hidden)], \(sequences) leaves",
            operations: 2 * Double(steps * tiles * width * hidden), slices: tiles
        ) { tuning, tile in
            leaves.withUnsafeBufferPointer { runs in
                let a = LeafFactor(gates.pointer + tile * steps * width, step: sequences * width, runs: runs)
                for panel in ColumnPanels.forLeaves(of: hidden) {
                    multiplyByLeaves(
                        rows: width, a, panel: panels.pointer + steps * panel.lowerBound, columns: panel.count,
                        adding: false,
                        into: GroupedRows(result.pointer + tile * width * hidden + panel.lowerBound, pitch: hidden),
                        stack: stack.pointer, block: a.block(tuning))
                }
            }
        } distance: {
            distance(
                rows: tiles * width, columns: hidden, inner: steps, { result.pointer[$0 * hidden + $1] },
                { gates.pointer[($0 / width * steps + $1) * width + $0 % width] }, { h.pointer[$0 * hidden + $1] })
        }
    }

    /// dW `[W, H]` = d h over the scored steps of all sequences, a leaf for each sequence, over `blocks` blocks of W's
    /// rows. d is stored in panels of steps. A slice is a block.
    package static func gradientOfOutput(blocks: Int, hidden: Int, window: Int, sequences: Int) -> Product {
        let steps = window * sequences
        let rows = blocks * Tuning.answerBlock
        let d = numbers(rows * wholeVectors(steps), seed: 11)
        let h = numbers(steps * hidden, seed: 12)
        let hiddenRows = FloatBlock(count: steps * wholeVectors(hidden))
        let result = FloatBlock(count: rows * hidden)
        let stack = FloatBlock(count: leafStackCount)
        packPanels(
            from: h.pointer, pitch: hidden, columns: hidden, count: steps, vectors: Tuning.leafVectors,
            into: hiddenRows.pointer)
        let merges = SumTree.merges(inside: 0..<sequences)
        var leaves: [LeafRun] = []
        for sequence in 0..<sequences {
            let leaf = sequence * window..<(sequence + 1) * window
            for panel in ColumnPanels(of: steps) {
                let shared = panel.clamped(to: leaf)
                guard !shared.isEmpty else { continue }
                leaves.append(
                    LeafRun(
                        offset: rows * panel.lowerBound + shared.lowerBound - panel.lowerBound,
                        rowStride: wholeVectors(panel.count), steps: shared.count,
                        merges: shared.upperBound == leaf.upperBound ? merges[sequence] : LeafRun.continues))
            }
        }
        return Product(
            title:
                "gradient of an output layer's weight [\(rows), \(steps)] x [\(steps), \(hidden)], \(sequences) leaves",
            operations: 2 * Double(rows * steps * hidden), slices: blocks
        ) { tuning, block in
            leaves.withUnsafeBufferPointer { runs in
                let first = block * Tuning.answerBlock
                let a = LeafFactor(d.pointer, firstRow: first, step: 1, runs: runs)
                for panel in ColumnPanels.forLeaves(of: hidden) {
                    multiplyByLeaves(
                        rows: Tuning.answerBlock, a, panel: hiddenRows.pointer + steps * panel.lowerBound,
                        columns: panel.count, adding: false,
                        into: GroupedRows(result.pointer + first * hidden + panel.lowerBound, pitch: hidden),
                        stack: stack.pointer, block: a.block(tuning))
                }
            }
        } distance: {
            distance(
                rows: rows, columns: hidden, inner: steps, { result.pointer[$0 * hidden + $1] }
            ) { row, step in
                let panel = ColumnPanels(of: steps).first { $0.contains(step) } ?? 0..<steps
                return d.pointer[
                    rows * panel.lowerBound + row * wholeVectors(panel.count) + step - panel.lowerBound]
            } _: {
                h.pointer[$0 * hidden + $1]
            }
        }
    }

    /// The gradient of an output layer's hidden rows, `[H, steps]` = W^T d, over `blocks` blocks of W's rows. A slice is
    /// a block.
    package static func gradientOfHidden(blocks: Int, hidden: Int, steps: Int) -> Product {
        let blockRows = Tuning.answerBlock
        let panels = steps / width
        let weight = numbers((blocks * blockRows + 1) * hidden, seed: 9)
        let d = numbers(panels * blocks * blockRows * width, seed: 10)
        let result = FloatBlock(count: panels * hidden * width)
        return Product(
            title:
                "gradient of an output layer's hidden rows [\(hidden), \(blocks * blockRows)] x [\(blocks * blockRows), \(steps)]",
            operations: 2 * Double(hidden * blocks * blockRows * panels * width), slices: blocks
        ) { tuning, block in
            func values(_ panel: Int) -> UnsafeMutablePointer<Float> {
                d.pointer + (panel * blocks + block) * blockRows * width
            }
            for panel in 0..<panels {
                for first in stride(from: 0, to: blockRows, by: tuning.hiddenGradientBlock) {
                    let count = min(tuning.hiddenGradientBlock, blockRows - first)
                    let part = values(panel) + first * width
                    let next = first + count < blockRows ? part + count * width : values((panel + 1) % panels)
                    multiply(
                        rows: hidden,
                        LeftFactor(
                            columns: weight.pointer + (block * blockRows + first) * hidden, pitch: hidden,
                            count: count),
                        panel: part, columns: width, start: first > 0 || block > 0 ? .result : .zero,
                        into: ResultRows(result.pointer + panel * hidden * width, pitch: width),
                        prefetching: tuning.hiddenGradientAhead > 0
                            ? .beside(tuning.hiddenGradientAhead) : .floats(next, count * width))
                }
            }
        } distance: {
            distance(
                rows: hidden, columns: panels * width, inner: blocks * blockRows,
                { result.pointer[($1 / width * hidden + $0) * width + $1 % width] },
                { weight.pointer[$1 * hidden + $0] },
                { d.pointer[($1 / width * blocks * blockRows + $0) * width + $1 % width] })
        }
    }
}
