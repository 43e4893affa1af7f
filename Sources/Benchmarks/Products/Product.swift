package import Kernels
package import Tensors

/// A product of a training step on random numbers, computed as training does, with any tuning numbers.
package struct Product {
    package let title: String
    /// Floating-point operations of all slices.
    package let operations: Double
    /// Parts that are timed one by one: the shorter a part, the more often it is undisturbed.
    package let slices: Int
    /// Computes a slice.
    package let run: (_ tuning: Tuning, _ slice: Int) -> Void
    /// The largest difference of the last result from a plain loop in Double, over some of its elements.
    package let distance: () -> Double

    /// Columns of a tile of gates.
    static var width: Int { Tuning.tileColumns }

    /// Tiles of the gates of an LSTM layer.
    static func tiles(_ hidden: Int) -> Int { (4 * hidden + width - 1) / width }

    /// Random values with full mantissas.
    package static func numbers(_ count: Int, seed: UInt64) -> FloatBlock {
        let block = FloatBlock(count: count)
        var random = CounterRandom(seed: seed, purpose: .initialWeights, index: 0)
        for index in 0..<count { block.pointer[index] = random.uniform(-1, 1) }
        return block
    }

    /// The largest difference over every 97th element of `[rows, columns]`.
    static func distance(
        rows: Int, columns: Int, inner: Int, _ result: (Int, Int) -> Float, _ a: (Int, Int) -> Float,
        _ b: (Int, Int) -> Float
    ) -> Double {
        stride(from: 0, to: rows * columns, by: 97).reduce(0) { worst, index in
            let (row, column) = (index / columns, index % columns)
            let exact = (0..<inner).reduce(0.0) { $0 + Double(a(row, $1)) * Double(b($1, column)) }
            return max(worst, abs(exact - Double(result(row, column))))
        }
    }
}
