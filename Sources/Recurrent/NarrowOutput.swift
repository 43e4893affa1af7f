import Kernels
import Tensors

/// The output layer's work where it has few classes or values: one pass over the hidden rows, some steps at a time.
///
/// Panels of steps would cost more to pack than such a product costs to compute: with 2 classes on 128 hidden units they took
/// a sixteenth of a training step. Legend: S scored steps, H hidden, W width, at most `Tuning.narrowWidth`.
struct NarrowOutput {
    let layer: OutputLayer
    /// `[W, H]`, rows of whole vectors: the weights, then the sums of their gradient.
    private let weights: UnsafeMutablePointer<Float>
    private let sums: UnsafeMutablePointer<Float>
    private let pitch: Int
    /// The answers of as many steps as a vector has lanes, side by side: `[W, lanes]`; what softmax needs, and its factors; sums
    /// of the bias's gradient `[W]`.
    private let answers: UnsafeMutablePointer<Float>
    private let softmaxMemory: UnsafeMutablePointer<Float>
    private let factors: UnsafeMutablePointer<Float>
    private let biasSums: UnsafeMutablePointer<Float>

    private static var softmaxCount: Int { ColumnSoftmax.memoryCount(columns: Vector.lanes, blocks: 1) }

    static func memoryCount(hiddenSize: Int, width: Int) -> Int {
        width * (2 * wholeVectors(hiddenSize) + Vector.lanes + 1) + softmaxCount + Vector.lanes
    }

    /// - Parameter memory: `memoryCount` floats.
    init(_ layer: OutputLayer, memory: UnsafeMutablePointer<Float>) {
        let width = layer.output.width
        self.layer = layer
        pitch = wholeVectors(layer.hiddenSize)
        weights = memory
        sums = weights + width * pitch
        answers = sums + width * pitch
        softmaxMemory = answers + width * Vector.lanes
        factors = softmaxMemory + Self.softmaxCount
        biasSums = factors + Vector.lanes
        packColumns(
            from: layer.weight, pitch: layer.hiddenSize, columns: layer.hiddenSize, count: width, into: weights)
        sums.update(repeating: 0, count: width * pitch)
        biasSums.update(repeating: 0, count: width)
    }

    /// As `OutputLayer.run`.
    func run(
        _ purpose: OutputLayer.Purpose, _ hidden: InputRows, rows: [Int32], batch: Batch, losses: inout [Double],
        answers result: UnsafeMutablePointer<Float>?
    ) {
        let width = layer.output.width
        for first in stride(from: 0, to: rows.count, by: Vector.lanes) {
            let places = rows[first..<min(first + Vector.lanes, rows.count)]
            answer(hidden.pointer + first * hidden.pitch, pitch: hidden.pitch, count: places.count)
            judge(places, batch, losses: &losses)
            for (step, place) in places.enumerated() {
                if let result { copy(step, to: result + (first + step) * width) }
                guard case .training(let hiddenGradient, _) = purpose else { continue }
                layer.turnIntoGradient(
                    answers + step, stride: Vector.lanes, rows: 0..<width, Int(place), batch)
                backward(
                    hidden.pointer + (first + step) * hidden.pitch, answers + step,
                    hiddenGradient.pointer + (first + step) * hiddenGradient.pitch)
            }
        }
        if case .training(_, let adding) = purpose { finish(adding: adding) }
    }

    /// answers = weights row, without the bias, of `count` rows.
    private func answer(_ rows: UnsafePointer<Float>, pitch rowPitch: Int, count: Int) {
        for index in 0..<layer.output.width {
            products(rows, pitch: rowPitch, count: count, weights + index * pitch, columns: pitch)
                .store(to: answers + index * Vector.lanes)
        }
    }

    /// Adds the losses of some steps to their sequences'; logits become probabilities, and values have their bias.
    private func judge(_ places: ArraySlice<Int32>, _ batch: Batch, losses: inout [Double]) {
        switch layer.output {
        case .classes(let classes):
            let softmax = ColumnSoftmax(
                answers, columns: places.count, bias: layer.bias, memory: softmaxMemory, blocks: 1)
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: Vector.lanes) { targets in
                for (step, place) in places.enumerated() { targets[step] = batch.targets[Int(place)] }
                softmax.exponentiate(0..<classes, block: 0, targets: targets.baseAddress!)  // room for a vector
            }
            for (step, place) in places.enumerated() { losses[Int(place) % batch.sequences] += softmax.loss(step) }
            softmax.putFactors(to: factors)
            scaleColumns(answers, rows: classes, columns: Vector.lanes, by: factors)
        case .values(let values):
            for value in 0..<values {
                let at = answers + value * Vector.lanes
                (Vector(at: at) + layer.bias[value]).store(to: at)
            }
            for (step, place) in places.enumerated() {
                losses[Int(place) % batch.sequences] += layer.squaredError(
                    answers + step, stride: Vector.lanes, Int(place), batch)
            }
        }
    }

    private func copy(_ step: Int, to result: UnsafeMutablePointer<Float>) {
        for index in 0..<layer.output.width { result[index] = answers[index * Vector.lanes + step] }
    }

    /// gradient of the row = weights^T d; the weights' sums += d row; the bias's += d. The numbers of d are a vector apart.
    private func backward(
        _ row: UnsafePointer<Float>, _ d: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<layer.output.width { biasSums[index] += d[index * Vector.lanes] }
        for x in stride(from: 0, to: pitch, by: Vector.lanes) {
            let hidden = Vector(at: row + x)
            var sum = Vector.zero
            for index in 0..<layer.output.width {
                let factor = Vector(repeating: d[index * Vector.lanes])
                let place = index * pitch + x
                sum = sum.plus(factor, times: Vector(at: weights + place))
                Vector(at: sums + place).plus(factor, times: hidden).store(to: sums + place)
            }
            sum.store(to: gradient + x)
        }
    }

    private func finish(adding: Bool) {
        let H = layer.hiddenSize
        for index in 0..<layer.output.width {
            let gradient = UnsafeMutableBufferPointer(start: layer.weightGradient + index * H, count: H)
            if !adding { gradient.update(repeating: 0) }
            gradient.add(sums + index * pitch)
            layer.biasGradient[index] = (adding ? layer.biasGradient[index] : 0) + biasSums[index]
        }
    }
}
