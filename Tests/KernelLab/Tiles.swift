import Benchmarks
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

/// Tiles of at most the height in use; the number of rows is a multiple of each height.
func tileHeights(_ lab: Lab, hidden: Int) {
    let rows = 60
    let tiles = (4 * hidden + width - 1) / width
    let pitch = Tuning.rowPitch(hidden)
    let h = Product.numbers(rows * pitch, seed: 7)
    let panels = Product.numbers(tiles * hidden * width, seed: 8)
    let gates = FloatBlock(count: tiles * rows * width)
    let block = Tuning.current.recurrentBlock

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
