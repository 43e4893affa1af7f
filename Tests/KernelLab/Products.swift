import Kernels
import Tensors

private let width = Tuning.tileColumns

/// The largest difference from a plain loop in Double over every 97th element.
func distance(
    _ result: (Int, Int) -> Float, rows: Int, columns: Int, inner: Int, _ a: (Int, Int) -> Float,
    _ b: (Int, Int) -> Float
) -> Double {
    stride(from: 0, to: rows * columns, by: 97).reduce(0) { worst, index in
        let (row, column) = (index / columns, index % columns)
        let exact = (0..<inner).reduce(0.0) { $0 + Double(a(row, $1)) * Double(b($1, column)) }
        return max(worst, abs(exact - Double(result(row, column))))
    }
}

/// gates `[B, 4H]` = h `[B, H]` W_h^T, the product of each time step: the weights are packed and exceed the cache.
func recurrentProduct(_ lab: Lab, rows: Int, hidden: Int) {
    let tiles = (4 * hidden + width - 1) / width
    let pitch = Tuning.rowPitch(hidden)
    let h = numbers(rows * pitch, seed: 1)
    let panels = numbers((tiles * hidden + hidden) * width, seed: 2)
    let gates = FloatBlock(count: tiles * rows * width)

    func run(block: Int, prefetches: Bool) {
        for tile in 0..<tiles {
            for first in stride(from: 0, to: hidden, by: block) {
                let count = min(block, hidden - first)
                let panel = panels.pointer + (tile * hidden + first) * width
                multiply(
                    rows: rows, LeftFactor(rows: h.pointer + first, pitch: pitch, count: count), panel: panel,
                    columns: width, start: first > 0 ? .result : .zero,
                    into: ResultRows(gates.pointer + tile * rows * width, pitch: width),
                    prefetching: prefetches ? .floats(panel + count * width, count * width) : .result)
            }
        }
    }
    var versions = [
        Version(idea: "a plain loop, row by row over the columns") {
            plainLoop(h, pitch, panels, gates, rows, hidden, tiles)
        }
    ]
    for block in [64, 128, 256, hidden] {
        for prefetches in [false, true] {
            versions.append(
                Version(idea: "blocks of \(block) k\(prefetches ? ", the next block prefetched" : "")") {
                    run(block: block, prefetches: prefetches)
                })
        }
    }
    lab.compare(
        "Recurrent product, [\(rows), \(hidden)] x [\(hidden), \(4 * hidden)], version 1 is the reference",
        operations: 2 * Double(rows * hidden * tiles * width), versions, tolerance: 2e-3
    ) {
        distance(
            { gates.pointer[($1 / width * rows + $0) * width + $1 % width] }, rows: rows, columns: tiles * width,
            inner: hidden, { h.pointer[$0 * pitch + $1] },
            { panels.pointer[($1 / width * hidden + $0) * width + $1 % width] })
    }
}

/// Tiles of at most the height in use; the number of rows is a multiple of each height.
func tileHeights(_ lab: Lab, hidden: Int) {
    let rows = 60
    let tiles = (4 * hidden + width - 1) / width
    let pitch = Tuning.rowPitch(hidden)
    let h = numbers(rows * pitch, seed: 7)
    let panels = numbers(tiles * hidden * width, seed: 8)
    let gates = FloatBlock(count: tiles * rows * width)
    let block = Tuning.recurrentBlock

    func run(height: Int) {
        for tile in 0..<tiles {
            for first in stride(from: 0, to: hidden, by: block) {
                let count = min(block, hidden - first)
                for row in stride(from: 0, to: rows, by: height) {
                    multiply(
                        rows: height,
                        LeftFactor(rows: h.pointer + row * pitch + first, pitch: pitch, count: count),
                        panel: panels.pointer + (tile * hidden + first) * width, columns: width,
                        start: first > 0 ? .result : .zero,
                        into: ResultRows(gates.pointer + (tile * rows + row) * width, pitch: width))
                }
            }
        }
    }
    lab.compare(
        "Tiles, [\(rows), \(hidden)] x [\(hidden), \(4 * hidden)]",
        operations: 2 * Double(rows * hidden * tiles * width),
        (1...Tuning.tileRows).reversed().map { height in
            Version(idea: "\(height) rows x 4 vectors") { run(height: height) }
        }, tolerance: 2e-3
    ) {
        distance(
            { gates.pointer[($1 / width * rows + $0) * width + $1 % width] }, rows: rows, columns: tiles * width,
            inner: hidden, { h.pointer[$0 * pitch + $1] },
            { panels.pointer[($1 / width * hidden + $0) * width + $1 % width] })
    }
}

private func plainLoop(
    _ h: FloatBlock, _ pitch: Int, _ panels: FloatBlock, _ gates: FloatBlock, _ rows: Int, _ hidden: Int, _ tiles: Int
) {
    for tile in 0..<tiles {
        for row in 0..<rows {
            let to = gates.pointer + (tile * rows + row) * width
            to.update(repeating: 0, count: width)
            for k in 0..<hidden {
                let a = Vector(repeating: h.pointer[row * pitch + k])
                let from = panels.pointer + (tile * hidden + k) * width
                for column in stride(from: 0, to: width, by: Vector.lanes) {
                    Vector(at: to + column).plus(a, times: Vector(at: from + column)).store(to: to + column)
                }
            }
        }
    }
}

/// dx `[R, I]` = dz `[R, 4H]` W_x, by the rows that go through all panels at a time and the depth of a block.
func gradientOfInput(_ lab: Lab, rows: Int, hidden: Int) {
    let tiles = (4 * hidden + width - 1) / width
    let columns = wholeVectors(hidden)
    let gates = numbers(tiles * rows * width, seed: 3)
    let weights = numbers(tiles * width * columns, seed: 4)
    let panels = FloatBlock(count: tiles * width * columns)
    let result = FloatBlock(count: rows * columns)
    func run(tilesAtOnce: Int, rowsAtOnce: Int) {
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
                into: ResultRows(result.pointer, pitch: columns), rowsAtOnce: rowsAtOnce)
        }
    }
    var versions: [Version] = []
    for depth in [640, 1280, tiles * width] {
        for rowsAtOnce in [20, 50, rows] {
            versions.append(
                Version(idea: "blocks of \(depth) k, \(rowsAtOnce) rows at a time") {
                    run(tilesAtOnce: max(1, depth / width), rowsAtOnce: rowsAtOnce)
                })
        }
    }
    lab.compare(
        "Gradient of a layer's input, [\(rows), \(4 * hidden)] x [\(4 * hidden), \(hidden)], with packing",
        operations: 2 * Double(rows * tiles * width * columns), versions, tolerance: 1e-2
    ) {
        distance(
            { result.pointer[$0 * columns + $1] }, rows: rows, columns: columns, inner: tiles * width,
            { gates.pointer[($1 / width * rows + $0) * width + $1 % width] },
            { weights.pointer[$0 * columns + $1] })
    }
}
