import Kernels
package import Tensors

/// The squared error of W values, as a mean over them: Σ (y - target)² / W. Raw outputs are the values, their factors
/// 1.
package struct SquaredError: Loss {
    package static let name = "squared error"
    package let width: Int

    package init?(_ task: TaskShape) {
        guard case .values(let values) = task.output else { return nil }
        width = values
    }

    package func memoryCount(columns: Int, blocks: Int) -> Int { 0 }

    package func forward(_ panel: OutputPanel, rows: Range<Int>, block: Int) { panel.addBias(rows) }

    package func value(_ panel: OutputPanel, column: Int) -> Double {
        let targets = panel.place(column) * width
        var sum = 0.0
        for row in 0..<width {
            let error =
                Double(panel.values[row * panel.pitch + column]) - Double(panel.targets.values[targets + row])
            sum += error * error
        }
        return sum / Double(width)
    }

    package func setFactors(of panel: OutputPanel, _ factors: UnsafeMutablePointer<Float>) {
        factors.update(repeating: 1, count: panel.pitch)
    }

    package func makeGradient(_ panel: OutputPanel, rows: Range<Int>) {
        for column in 0..<panel.columns { makeGradient(panel.values + column, rows, panel, column: column) }
    }

    package func makeGradient(ofOutputs outputs: UnsafeMutablePointer<Float>, _ panel: OutputPanel, column: Int) {
        makeGradient(outputs, 0..<width, panel, column: column)
    }

    private func makeGradient(
        _ outputs: UnsafeMutablePointer<Float>, _ rows: Range<Int>, _ panel: OutputPanel, column: Int
    ) {
        let targets = panel.place(column) * width
        for row in rows {
            let error = outputs[row * panel.pitch] - panel.targets.values[targets + row]
            outputs[row * panel.pitch] = 2 * error / Float(width)
        }
    }
}
