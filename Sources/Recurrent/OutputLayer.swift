import Kernels
import Tensors

/// The linear layer that answers at each scored step, with the loss on top: softmax cross-entropy for classes, squared
/// error for values. Legend: S scored steps, H hidden, W width.
struct OutputLayer {
    let weight: UnsafeMutablePointer<Float>  // [W, H]
    let bias: UnsafeMutablePointer<Float>  // [W]
    let weightGradient: UnsafeMutablePointer<Float>
    let biasGradient: UnsafeMutablePointer<Float>
    let hiddenSize: Int
    let output: TaskShape.Output

    /// outputs `[S, W]` = hidden W^T + b, turned into probabilities where the task has classes; the loss of each step is
    /// added to its sequence's in `losses`.
    func forward(
        hidden: UnsafeMutablePointer<Float>, rows: [Int32], batch: Batch, outputs: UnsafeMutablePointer<Float>,
        losses: inout [Double]
    ) {
        let width = output.width
        let result = Matrix(outputs, rows: rows.count, columns: width)
        result.setRows(to: bias)
        result.setProduct(
            Matrix(hidden, rows: rows.count, columns: hiddenSize),
            Matrix(weight, rows: width, columns: hiddenSize).transposed, adding: true)
        for (index, row) in rows.enumerated() {
            let answer = outputs + index * width
            let loss: Double
            switch output {
            case .classes:
                let logit = answer[Int(batch.targets[Int(row)])]
                loss = Double(softmax(answer, count: width)) - Double(logit)
            case .values:
                var sum = 0.0
                for column in 0..<width {
                    let error = Double(answer[column]) - Double(batch.targetValues[Int(row) * width + column])
                    sum += error * error
                }
                loss = sum / Double(width)
            }
            losses[Int(row) % batch.sequences] += loss
        }
    }

    /// Turns `outputs` into the gradient of the summed loss, adds to (or sets) the weights' gradients, and writes the
    /// gradient of the hidden rows `[S, H]`.
    func backward(
        hidden: UnsafeMutablePointer<Float>, rows: [Int32], batch: Batch, outputs: UnsafeMutablePointer<Float>,
        hiddenGradient: UnsafeMutablePointer<Float>, adding: Bool
    ) {
        let width = output.width
        for (index, row) in rows.enumerated() {
            let answer = outputs + index * width
            switch output {
            case .classes:
                answer[Int(batch.targets[Int(row)])] -= 1
            case .values:
                for column in 0..<width {
                    let error = answer[column] - batch.targetValues[Int(row) * width + column]
                    answer[column] = 2 * error / Float(width)
                }
            }
        }
        let gradient = Matrix(outputs, rows: rows.count, columns: width)
        let hiddenRows = Matrix(hidden, rows: rows.count, columns: hiddenSize)
        Matrix(weightGradient, rows: width, columns: hiddenSize)
            .setProduct(gradient.transposed, hiddenRows, adding: adding)
        gradient.sumOfRows(into: biasGradient, adding: adding)
        Matrix(hiddenGradient, rows: rows.count, columns: hiddenSize)
            .setProduct(gradient, Matrix(weight, rows: width, columns: hiddenSize))
    }
}
