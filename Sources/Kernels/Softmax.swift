internal import CVectors

/// Softmax and cross-entropy of the columns of a panel whose rows, the classes, come block by block, so that each block is
/// gone through while it is in the cache.
///
/// Legend: V classes, one a row of the panel; columns are the steps that are scored. Columns stand side by side in vectors, so
/// that sums and maxima need no vector taken apart. On the way forward a block's logits become e^(logit - top), with the
/// largest logit seen so far as top; on the way back a factor for each block makes probabilities of them. Source: Milakov &
/// Gimelshein (2018), algorithm 3, the running maximum.
package struct ColumnSoftmax {
    /// `[V, width]`, width being whole vectors.
    private let panel: UnsafeMutablePointer<Float>
    private let columns: Int
    private let width: Int
    /// `[V]`
    private let bias: UnsafePointer<Float>
    /// For each block a row of tops, then the running sums, then the logits of the targets; `width` floats each.
    private let memory: UnsafeMutablePointer<Float>
    private let blocks: Int

    /// - Parameters:
    ///   - columns: at most a tile's.
    ///   - memory: `memoryCount` floats that stay this panel's own until its last block has been normalised.
    package init(
        _ panel: UnsafeMutablePointer<Float>, columns: Int, bias: UnsafePointer<Float>,
        memory: UnsafeMutablePointer<Float>, blocks: Int
    ) {
        precondition(columns <= Tuning.tileColumns, "a panel is at most as wide as a tile")
        self.panel = panel
        self.columns = columns
        width = wholeVectors(columns)
        self.bias = bias
        self.memory = memory
        self.blocks = blocks
    }

    package static func memoryCount(columns: Int, blocks: Int) -> Int { wholeVectors(columns) * (blocks + 2) }

    private func tops(_ block: Int) -> UnsafeMutablePointer<Float> { memory + block * width }
    private var sums: UnsafeMutablePointer<Float> { tops(blocks) }
    private var targetLogits: UnsafeMutablePointer<Float> { tops(blocks + 1) }

    /// Forward: the logits of a block's classes, without the bias, become e^(logit + bias - top).
    ///
    /// - Parameters:
    ///   - block: 0, 1, 2 … in order.
    ///   - targets: the class of each column.
    package func exponentiate(_ classes: Range<Int>, block: Int, targets: UnsafePointer<Int32>) {
        for column in 0..<columns {
            let target = Int(targets[column])
            if classes.contains(target) { targetLogits[column] = panel[target * width + column] + bias[target] }
        }
        for x in stride(from: 0, to: width, by: Vector.lanes) {
            let before = block > 0 ? Vector(at: tops(block - 1) + x) : Vector(repeating: -.infinity)
            var top = before
            for row in classes {
                let logits = Vector(at: panel + row * width + x) + bias[row]
                top = logits.larger(top)
            }
            var sum = block > 0 ? Vector(at: sums + x) * (before - top).exponential : .zero
            for row in classes {
                let place = panel + row * width + x
                let e = (Vector(at: place) + bias[row] - top).exponential
                e.store(to: place)
                sum += e
            }
            top.store(to: tops(block) + x)
            sum.store(to: sums + x)
        }
    }

    /// After the last block: the cross-entropy of a column's target, in nats. A NaN or an infinite logit makes it NaN.
    package func loss(_ column: Int) -> Double {
        Double(tops(blocks - 1)[column] + natural_logarithm(sums[column])) - Double(targetLogits[column])
    }

    /// After the last block, in any order: the block's numbers become probabilities, those of columns beyond the last 0.
    ///
    /// Row by row: the block comes from far away by now, and lines that follow each other come fastest.
    package func normalise(_ classes: Range<Int>, block: Int) {
        withUnsafeTemporaryAllocation(of: Vector.self, capacity: Tuning.tileVectors) { factors in
            let vectors = width / Vector.lanes
            for vector in 0..<vectors {
                let x = vector * Vector.lanes
                let last = Vector(at: tops(blocks - 1) + x)
                var factor = (Vector(at: tops(block) + x) - last).exponential / Vector(at: sums + x)
                for lane in 0..<Vector.lanes where x + lane >= columns { factor[lane] = 0 }
                factors[vector] = factor
            }
            for row in classes {
                for vector in 0..<vectors {
                    let place = panel + (row &* width &+ vector &* Vector.lanes)
                    (Vector(at: place) * factors[vector]).store(to: place)
                }
            }
        }
    }
}
