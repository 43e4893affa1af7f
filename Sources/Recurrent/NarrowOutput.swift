import Kernels
import Tensors

/// The output layer's work where it has few classes or values: one pass over the hidden rows, row by row.
///
/// Panels of steps would cost more to pack than such a product costs to compute: with 2 classes on 128 hidden units they took
/// a sixteenth of a training step. Legend: S scored steps, H hidden, W width, at most `Tuning.narrowWidth`.
struct NarrowOutput {
    let layer: OutputLayer
    /// `[W, H]`, rows of whole vectors: the weights, then the sums of their gradient.
    private let weights: UnsafeMutablePointer<Float>
    private let sums: UnsafeMutablePointer<Float>
    private let pitch: Int

    static func memoryCount(hiddenSize: Int, width: Int) -> Int { 2 * width * wholeVectors(hiddenSize) }

    /// - Parameter memory: `memoryCount` floats.
    init(_ layer: OutputLayer, memory: UnsafeMutablePointer<Float>) {
        self.layer = layer
        pitch = wholeVectors(layer.hiddenSize)
        weights = memory
        sums = memory + layer.output.width * pitch
        packColumns(
            from: layer.weight, pitch: layer.hiddenSize, columns: layer.hiddenSize,
            count: layer.output.width, into: weights)
        sums.update(repeating: 0, count: layer.output.width * pitch)
    }

    /// As `OutputLayer.run`.
    func run(
        _ purpose: OutputLayer.Purpose, _ hidden: InputRows, rows: [Int32], batch: Batch, losses: inout [Double],
        answers: UnsafeMutablePointer<Float>?
    ) {
        let width = layer.output.width
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * max(width, Vector.lanes)) { memory in
            guard let answer = memory.baseAddress else { return }
            let biasSums = answer + max(width, Vector.lanes)
            biasSums.update(repeating: 0, count: width)
            for (step, place) in rows.enumerated() {
                let row = hidden.pointer + step * hidden.pitch
                self.answer(row, answer)
                losses[Int(place) % batch.sequences] += judge(answer, Int(place), batch)
                if let answers { (answers + step * width).update(from: answer, count: width) }
                guard case .training(let hiddenGradient, _) = purpose else { continue }
                layer.turnIntoGradient(answer, stride: 1, rows: 0..<width, Int(place), batch)
                for index in 0..<width { biasSums[index] += answer[index] }
                backward(row, answer, hiddenGradient.pointer + step * hiddenGradient.pitch)
            }
            if case .training(_, let adding) = purpose { finish(biasSums, adding: adding) }
        }
    }

    /// answer = weight row + bias.
    private func answer(_ row: UnsafePointer<Float>, _ answer: UnsafeMutablePointer<Float>) {
        for index in 0..<layer.output.width {
            var sum = Vector.zero
            for x in stride(from: 0, to: pitch, by: Vector.lanes) {
                sum = sum.plus(Vector(at: row + x), times: Vector(at: weights + (index * pitch + x)))
            }
            answer[index] = sum.total + layer.bias[index]
        }
    }

    /// The loss of a step; logits become probabilities.
    private func judge(_ answer: UnsafeMutablePointer<Float>, _ place: Int, _ batch: Batch) -> Double {
        switch layer.output {
        case .classes(let classes):
            let logit = answer[Int(batch.targets[place])]
            return Double(softmax(answer, count: classes)) - Double(logit)
        case .values: return layer.squaredError(answer, stride: 1, place, batch)
        }
    }

    /// gradient of the row = weight^T d; the weights' sums += d row.
    private func backward(
        _ row: UnsafePointer<Float>, _ d: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
    ) {
        for x in stride(from: 0, to: pitch, by: Vector.lanes) {
            let hidden = Vector(at: row + x)
            var sum = Vector.zero
            for index in 0..<layer.output.width {
                let factor = Vector(repeating: d[index])
                let place = index * pitch + x
                sum = sum.plus(factor, times: Vector(at: weights + place))
                Vector(at: sums + place).plus(factor, times: hidden).store(to: sums + place)
            }
            sum.store(to: gradient + x)
        }
    }

    private func finish(_ biasSums: UnsafePointer<Float>, adding: Bool) {
        let H = layer.hiddenSize
        for index in 0..<layer.output.width {
            let gradient = UnsafeMutableBufferPointer(start: layer.weightGradient + index * H, count: H)
            if !adding { gradient.update(repeating: 0) }
            gradient.add(sums + index * pitch)
            layer.biasGradient[index] = (adding ? layer.biasGradient[index] : 0) + biasSums[index]
        }
    }
}
