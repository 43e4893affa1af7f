import Kernels
import Tensors

extension Product {
    /// gates `[B, 4H]` = h `[B, H]` W_h^T, the product of each time step; the weights are packed.
    package static func recurrent(rows: Int, hidden: Int) -> Product {
        let tiles = tiles(hidden)
        let pitch = Tuning.rowPitch(hidden)
        let h = numbers(rows * pitch, seed: 1)
        let panels = numbers((tiles + 1) * hidden * width, seed: 2)
        let gates = FloatBlock(count: tiles * rows * width)
        return Product(
            title: "recurrent product [\(rows), \(hidden)] x [\(hidden), \(4 * hidden)]",
            operations: 2 * Double(rows * hidden * tiles * width), slices: 1
        ) { tuning, _ in
            for tile in 0..<tiles {
                for first in stride(from: 0, to: hidden, by: tuning.recurrentBlock) {
                    let count = min(tuning.recurrentBlock, hidden - first)
                    let panel = panels.pointer + (tile * hidden + first) * width
                    multiply(
                        rows: rows, LeftFactor(rows: h.pointer + first, pitch: pitch, count: count), panel: panel,
                        columns: width, start: first > 0 ? .result : .zero,
                        into: ResultRows(gates.pointer + tile * rows * width, pitch: width),
                        prefetching: .floats(panel + count * width, count * width))
                }
            }
        } distance: {
            distance(
                rows: rows, columns: tiles * width, inner: hidden,
                { gates.pointer[($1 / width * rows + $0) * width + $1 % width] }, { h.pointer[$0 * pitch + $1] },
                { panels.pointer[($1 / width * hidden + $0) * width + $1 % width] })
        }
    }

    /// dh `[B, H]` = dz `[B, 4H]` W_h, the product of each time step of back-propagation; the weights are packed, and
    /// the gates are read in tiles.
    package static func backward(rows: Int, hidden: Int) -> Product {
        let tiles = tiles(hidden)
        let pitch = Tuning.rowPitch(hidden)
        // The rows of several time steps; those of the second are read, and those of the first prefetched.
        let all = 8 * rows
        let gates = numbers(tiles * all * width, seed: 3)
        let panels = numbers(2 * tiles * width * wholeVectors(hidden), seed: 4)
        let result = FloatBlock(count: rows * pitch)
        return Product(
            title: "backward product [\(rows), \(4 * hidden)] x [\(4 * hidden), \(hidden)]",
            operations: 2 * Double(rows * hidden * tiles * width), slices: 1
        ) { tuning, _ in
            let tilesAtOnce = max(1, tuning.backwardBlock / width)
            for panel in ColumnPanels(of: hidden) {
                let columns = wholeVectors(panel.count)
                for first in stride(from: 0, to: tiles, by: tilesAtOnce) {
                    let count = min(tilesAtOnce, tiles - first)
                    let block = panels.pointer + tiles * width * panel.lowerBound + first * width * columns
                    multiply(
                        rows: rows,
                        LeftFactor(
                            gates.pointer + (first * all + rows) * width, rowStride: width, step: 1,
                            blockLength: width, blockStride: all * width, blocks: count), panel: block,
                        columns: columns, start: first > 0 ? .result : .zero,
                        into: ResultRows(result.pointer + panel.lowerBound, pitch: pitch),
                        prefetching: panel.lowerBound == 0
                            ? .blocksBeside(-rows * width)
                            : .floats(block + count * width * columns, count * width * columns))
                }
            }
        } distance: {
            distance(
                rows: rows, columns: hidden, inner: tiles * width, { result.pointer[$0 * pitch + $1] },
                { gates.pointer[($1 / width * all + rows + $0) * width + $1 % width] }
            ) { k, column in
                let panel = ColumnPanels(of: hidden).first { $0.contains(column) } ?? 0..<hidden
                return panels.pointer[
                    tiles * width * panel.lowerBound + k * wholeVectors(panel.count) + column - panel.lowerBound]
            }
        }
    }
}
