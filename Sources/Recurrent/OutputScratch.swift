import Kernels
import Tensors

/// What the output layer needs beside the hidden rows, for one chunk of steps. It grows to the largest chunk it meets.
final class OutputScratch {
    /// Panels of steps `[W, steps]`: logits, exponentials, then gradients but for a factor; or values, then their gradients.
    private(set) var answers = FloatBlock(count: 0)
    /// Each panel's memory for softmax.
    private(set) var softmax = FloatBlock(count: 0)
    /// `[steps]`: what each step's answers are to be multiplied by: softmax's factors, or 1 for values.
    private(set) var factors = FloatBlock(count: 0)
    /// Panels of steps `[H, steps]`: the hidden rows, transposed.
    private(set) var hiddenColumns = FloatBlock(count: 0)
    /// Panels of H columns `[steps, columns]`: the hidden rows times their factors.
    private(set) var hiddenRows = FloatBlock(count: 0)
    /// Panels of steps `[H, steps]`: the gradient of the hidden rows, transposed.
    private(set) var hiddenGradient = FloatBlock(count: 0)
    /// The place t B + b of each step in the batch, and its class.
    private var places: [Int32] = []
    private var targets: [Int32] = []

    /// Makes room for these steps of a batch.
    func prepare(_ steps: Int, hiddenSize: Int, width: Int, _ batch: Batch, _ rows: ArraySlice<Int32>) {
        let columns = wholeVectors(hiddenSize)
        let blocks = OutputLayer.blockCount(steps: steps, width: width)
        grow(&answers, wholeVectors(steps) * width)
        grow(&softmax, ColumnSoftmax.memoryCount(columns: steps, blocks: blocks))
        grow(&factors, wholeVectors(steps))
        grow(&hiddenColumns, wholeVectors(steps) * hiddenSize)
        grow(&hiddenRows, steps * columns)
        grow(&hiddenGradient, wholeVectors(steps) * hiddenSize)
        places.removeAll(keepingCapacity: true)
        places.append(contentsOf: rows)
        targets.removeAll(keepingCapacity: true)
        for row in rows { targets.append(batch.targets[Int(row)]) }
    }

    /// Room for `NarrowOutput`.
    func narrow(_ count: Int) -> UnsafeMutablePointer<Float> {
        grow(&answers, count)
        return answers.pointer
    }

    func place(_ step: Int) -> Int { Int(places[step]) }

    func withTargets(_ panel: Range<Int>, _ body: (UnsafePointer<Int32>) -> Void) {
        targets.withUnsafeBufferPointer { all in
            guard let first = all.baseAddress else { return }
            body(first + panel.lowerBound)
        }
    }

    private func grow(_ block: inout FloatBlock, _ count: Int) {
        if block.count < count { block = FloatBlock(count: count) }
    }
}
