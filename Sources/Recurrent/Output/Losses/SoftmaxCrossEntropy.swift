import Kernels
package import Tensors

/// The cross-entropy of one class out of W by softmax, in nats: log Σ e^z - z_target. Raw outputs are exponentials,
/// their factors the reciprocals of the sums (`ColumnSoftmax`).
package struct SoftmaxCrossEntropy: Loss {
    package static let name = "softmax cross-entropy"
    package let width: Int

    package init?(_ task: TaskShape) {
        guard case .classes(let classes) = task.output else { return nil }
        width = classes
    }

    package func memoryCount(columns: Int, blocks: Int) -> Int {
        ColumnSoftmax.memoryCount(columns: columns, blocks: blocks)
    }

    private func softmax(_ panel: OutputPanel) -> ColumnSoftmax {
        ColumnSoftmax(
            panel.values, columns: panel.columns, bias: panel.bias, memory: panel.memory, blocks: panel.blocks)
    }

    package func forward(_ panel: OutputPanel, rows: Range<Int>, block: Int) {
        softmax(panel).exponentiate(rows, block: block, targets: panel.classes)
    }

    package func value(_ panel: OutputPanel, column: Int) -> Double { softmax(panel).loss(column) }

    package func setFactors(of panel: OutputPanel, _ factors: UnsafeMutablePointer<Float>) {
        softmax(panel).putFactors(to: factors)
    }

    package func level(_ panel: OutputPanel, rows: Range<Int>, block: Int) {
        softmax(panel).level(rows, block: block)
    }

    package func makeGradient(_ panel: OutputPanel, rows: Range<Int>) {
        softmax(panel).subtractTargets(rows, panel.classes)
    }

    package func makeGradient(ofOutputs outputs: UnsafeMutablePointer<Float>, _ panel: OutputPanel, column: Int) {
        outputs[Int(panel.classes[column]) * panel.pitch] -= 1
    }
}
