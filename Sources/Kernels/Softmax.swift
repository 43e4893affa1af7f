internal import CVectors

/// Softmax and cross-entropy of the columns of a panel whose rows, the classes, are processed in blocks, each while it
/// is in the cache.
///
/// Legend: V classes, the panel's rows; the columns are the scored time steps, one per vector lane, so that sums and
/// maxima over classes need no horizontal operation. The forward pass replaces a block's logits by e^(logit - top),
/// where top is near the largest logit seen so far. They are not normalised: a column holds its probabilities times its
/// sum, and the reader multiplies by `factors`, on the smaller side of a product. Source: Milakov & Gimelshein (2018),
/// algorithm 3, the running maximum.
package struct ColumnSoftmax {
    /// `[V, width]`; `width` is `columns` rounded up to whole vectors.
    private let panel: UnsafeMutablePointer<Float>
    private let columns: Int
    private let width: Int
    /// `[V]`
    private let bias: UnsafePointer<Float>
    /// A row of tops for each block, then the running sums, then the logits of the targets; `width` floats each.
    private let memory: UnsafeMutablePointer<Float>
    private let blocks: Int

    /// - Parameters:
    ///   - columns: at most `Tuning.tileColumns`.
    ///   - memory: `memoryCount` floats, reserved for this panel until its last block has been normalised.
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

    /// How far a logit may exceed the top before the top moves, so that a block rarely has to be rescaled later. The
    /// sum of all classes is still far from overflow, and values that underflow are below e^-67 of the largest.
    private static var slack: Float { 20 }

    private func tops(_ block: Int) -> UnsafeMutablePointer<Float> { memory + block * width }
    private var sums: UnsafeMutablePointer<Float> { tops(blocks) }
    private var targetLogits: UnsafeMutablePointer<Float> { tops(blocks + 1) }

    /// Forward: replaces the logits of a block's classes (without bias) by e^(logit + bias - top).
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
            var largest = before
            for row in classes {
                let logits = Vector(at: panel + row * width + x) + bias[row]
                largest = logits.larger(largest)
            }
            let top = (before + Self.slack).ifLess(than: largest, largest, else: before)
            var sum = block > 0 ? Vector(at: sums + x) * (before - top).exponential : .zero
            for row in classes {
                let element = panel + row * width + x
                let e = (Vector(at: element) + bias[row] - top).exponential
                e.store(to: element)
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

    /// After the last block: the factors that turn each column's values into probabilities, 0 for the padding columns;
    /// `width` floats.
    package func putFactors(to factors: UnsafeMutablePointer<Float>) {
        for column in 0..<width { factors[column] = column < columns ? 1 / sums[column] : 0 }
    }

    /// After the last block, once for each block in any order: rescales its values to the last top if its own differs.
    package func level(_ classes: Range<Int>, block: Int) {
        let last = tops(blocks - 1)
        guard (0..<width).contains(where: { tops(block)[$0] != last[$0] }) else { return }
        for row in classes {
            for x in stride(from: 0, to: width, by: Vector.lanes) {
                let element = panel + row * width + x
                let shift = Vector(at: tops(block) + x) - Vector(at: last + x)
                (Vector(at: element) * shift.exponential).store(to: element)
            }
        }
    }

    /// After `level`: replaces a block's values by the losses' gradients with respect to the logits, still to be
    /// multiplied by `factors`.
    package func subtractTargets(_ classes: Range<Int>, _ targets: UnsafePointer<Int32>) {
        for column in 0..<columns {
            let target = Int(targets[column])
            if classes.contains(target) { panel[target * width + column] -= sums[column] }
        }
    }
}
