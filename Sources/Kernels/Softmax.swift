import Glibc

/// Softmax of each column of a panel, and its cross-entropy.
///
/// Legend: V classes, one a row of the panel; columns are the steps that are scored. Columns stand side by side in vectors, so
/// that sums and maxima need no vector taken apart.
package struct ColumnSoftmax {
    /// `[V, width]`: in, logits without the bias; out, probabilities. Columns from `columns` on become 0.
    package let panel: UnsafeMutablePointer<Float>
    package let classes: Int
    package let columns: Int
    /// `[V]`
    package let bias: UnsafePointer<Float>

    package init(_ panel: UnsafeMutablePointer<Float>, classes: Int, columns: Int, bias: UnsafePointer<Float>) {
        self.panel = panel
        self.classes = classes
        self.columns = columns
        self.bias = bias
    }

    private var width: Int { wholeVectors(columns) }
    /// Rows that stay in the L1 cache while each vector of columns goes through them.
    private var rowsAtOnce: Int { 64 }

    /// Turns the logits into probabilities and calls `body` with each column's cross-entropy of its target, in nats. The
    /// largest logit is subtracted first; a NaN or an infinite logit makes the column's loss NaN.
    ///
    /// - Parameter targets: the class of each column.
    package func normalise(_ targets: UnsafePointer<Int32>, _ body: (_ column: Int, _ loss: Double) -> Void) {
        let vectors = width / Vector.lanes
        withUnsafeTemporaryAllocation(of: Vector.self, capacity: 3 * Tuning.tileVectors) { memory in
            let (tops, sums, factors) = (0, Tuning.tileVectors, 2 * Tuning.tileVectors)
            for x in 0..<vectors {
                memory[tops + x] = Vector(repeating: -.infinity)
                memory[sums + x] = .zero
            }
            forEachBlock { rows, x in
                var top = memory[tops + x]
                for row in rows {
                    let logits = Vector(at: panel + row * width + x * Vector.lanes) + bias[row]
                    top = top.replacing(with: logits, where: logits .> top)
                }
                memory[tops + x] = top
            }
            withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { logits in
                for column in 0..<columns {
                    let target = Int(targets[column])
                    logits[column] = panel[target * width + column] + bias[target]
                }
                forEachBlock { rows, x in
                    let top = memory[tops + x]
                    var sum = memory[sums + x]
                    for row in rows {
                        let place = panel + row * width + x * Vector.lanes
                        let e = (Vector(at: place) + bias[row] - top).exponential
                        e.store(to: place)
                        sum += e
                    }
                    memory[sums + x] = sum
                }
                for column in 0..<columns {
                    let (x, lane) = (column / Vector.lanes, column % Vector.lanes)
                    body(column, Double(memory[tops + x][lane] + logf(memory[sums + x][lane])) - Double(logits[column]))
                }
            }
            for x in 0..<vectors {
                var factor = 1 / memory[sums + x]
                for lane in 0..<Vector.lanes where x * Vector.lanes + lane >= columns { factor[lane] = 0 }
                memory[factors + x] = factor
            }
            forEachBlock { rows, x in
                let factor = memory[factors + x]
                for row in rows {
                    let place = panel + row * width + x * Vector.lanes
                    (Vector(at: place) * factor).store(to: place)
                }
            }
        }
    }

    @inline(__always)
    private func forEachBlock(_ body: (_ rows: Range<Int>, _ vector: Int) -> Void) {
        for first in stride(from: 0, to: classes, by: rowsAtOnce) {
            for vector in 0..<width / Vector.lanes {
                body(first..<Swift.min(first + rowsAtOnce, classes), vector)
            }
        }
    }
}
