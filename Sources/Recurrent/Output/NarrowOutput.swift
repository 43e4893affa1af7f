import Kernels
import Tensors

/// The output layer's work where it has few classes or values: one pass over the hidden rows, some steps at a time.
///
/// Panels of steps would cost more to pack than such a product costs to compute: with 2 classes on 128 hidden units they took
/// a sixteenth of a training step. Legend: S scored steps, H hidden, W width, at most `Tuning.narrowWidth`.
struct NarrowOutput {
    let layer: OutputLayer
    /// `[W, H]`, rows of whole vectors: the weights, then a leaf's gradients with those of the bias behind them, then the sums
    /// that wait.
    private let weights: UnsafeMutablePointer<Float>
    private let sums: UnsafeMutablePointer<Float>
    private let waiting: UnsafeMutablePointer<Float>
    private let pitch: Int
    /// The answers of as many steps as a vector has lanes, side by side: `[W, lanes]`; what softmax needs, and its factors.
    private let answers: UnsafeMutablePointer<Float>
    private let softmaxMemory: UnsafeMutablePointer<Float>
    private let factors: UnsafeMutablePointer<Float>

    private static var softmaxCount: Int { ColumnSoftmax.memoryCount(columns: Vector.lanes, blocks: 1) }
    /// Floats of the gradients of weights and bias.
    private static func sumCount(hiddenSize: Int, width: Int) -> Int { width * wholeVectors(hiddenSize) + Vector.lanes }
    private var sumCount: Int { Self.sumCount(hiddenSize: layer.hiddenSize, width: layer.output.width) }
    private var biasSums: UnsafeMutablePointer<Float> { sums + layer.output.width * pitch }

    static func memoryCount(hiddenSize: Int, width: Int, sequences: Int) -> Int {
        let levels = Int.bitWidth - sequences.leadingZeroBitCount + 1
        return width * (wholeVectors(hiddenSize) + Vector.lanes)
            + (1 + levels) * sumCount(hiddenSize: hiddenSize, width: width) + softmaxCount + Vector.lanes
    }

    /// - Parameter memory: `memoryCount` floats.
    init(_ layer: OutputLayer, memory: UnsafeMutablePointer<Float>, sequences: Int) {
        let width = layer.output.width
        self.layer = layer
        pitch = wholeVectors(layer.hiddenSize)
        weights = memory
        answers = weights + width * pitch
        softmaxMemory = answers + width * Vector.lanes
        factors = softmaxMemory + Self.softmaxCount
        sums = factors + Vector.lanes
        waiting = sums + Self.sumCount(hiddenSize: layer.hiddenSize, width: width)
        packColumns(
            from: layer.weight, pitch: layer.hiddenSize, columns: layer.hiddenSize, count: width, into: weights)
    }

    /// As `OutputLayer.run`.
    func run(
        _ purpose: OutputLayer.Purpose, _ hidden: InputRows, _ scored: ScoredSteps, _ batch: Batch,
        losses: inout [Double], answers result: UnsafeMutablePointer<Float>?
    ) {
        switch purpose {
        case .scoring: pass(hidden, scored, 0..<scored.count, batch, losses: &losses, result) { _ in }
        case .training(let wanted):
            for node in wanted.sums.nodes {
                let place = node.sum.block * wanted.blockStride
                var leaves = Leaves(node.sum, scored)
                clearSums()
                pass(hidden, scored, scored.steps(of: node.sum.sequences), batch, losses: &losses, result) { step in
                    while leaves.end <= step.number { finishLeaf(&leaves) }
                    layer.turnIntoGradient(
                        answers + step.lane, stride: Vector.lanes, rows: 0..<layer.output.width, step.place, batch)
                    backward(
                        hidden.pointer + step.place * hidden.pitch, answers + step.lane,
                        wanted.hiddenGradient.pointer + step.place * wanted.hiddenGradient.pitch)
                }
                while leaves.left > 0 { finishLeaf(&leaves) }
                put(node.sum, at: place)
            }
        }
    }

    private typealias Step = (number: Int, lane: Int, place: Int)

    /// Answers at some steps, and calls `body` with each of them.
    private func pass(
        _ hidden: InputRows, _ scored: ScoredSteps, _ steps: Range<Int>, _ batch: Batch, losses: inout [Double],
        _ result: UnsafeMutablePointer<Float>?, _ body: (Step) -> Void
    ) {
        scored.places.withUnsafeBufferPointer { places in
            guard let start = places.baseAddress else { return }
            for first in stride(from: steps.lowerBound, to: steps.upperBound, by: Vector.lanes) {
                let some = first..<min(first + Vector.lanes, steps.upperBound)
                answer(hidden, start + first, count: some.count)
                judge(scored, some, batch, losses: &losses)
                for step in some {
                    if let result { copy(step - first, to: result + step * layer.output.width) }
                    body((step, step - first, Int(start[step])))
                }
            }
        }
    }

    /// answers = weights row, without the bias, of `count` rows.
    private func answer(_ hidden: InputRows, _ places: UnsafePointer<Int32>, count: Int) {
        for index in 0..<layer.output.width {
            products(
                hidden.pointer, pitch: hidden.pitch, rows: places, count: count, weights + index * pitch,
                columns: pitch
            ).store(to: answers + index * Vector.lanes)
        }
    }

    /// Adds the losses of some steps to their sequences'; logits become probabilities, and values have their bias.
    private func judge(_ scored: ScoredSteps, _ steps: Range<Int>, _ batch: Batch, losses: inout [Double]) {
        switch layer.output {
        case .classes(let classes):
            let softmax = ColumnSoftmax(
                answers, columns: steps.count, bias: layer.bias, memory: softmaxMemory, blocks: 1)
            scored.targets.withUnsafeBufferPointer {
                softmax.exponentiate(0..<classes, block: 0, targets: $0.baseAddress! + steps.lowerBound)  // some steps
            }
            for (lane, step) in steps.enumerated() {
                losses[Int(scored.places[step]) % batch.sequences] += softmax.loss(lane)
            }
            softmax.putFactors(to: factors)
            scaleColumns(answers, rows: classes, columns: Vector.lanes, by: factors)
        case .values(let values):
            for value in 0..<values {
                let at = answers + value * Vector.lanes
                (Vector(at: at) + layer.bias[value]).store(to: at)
            }
            for (lane, step) in steps.enumerated() {
                let place = Int(scored.places[step])
                losses[place % batch.sequences] += layer.squaredError(
                    answers + lane, stride: Vector.lanes, place, batch)
            }
        }
    }

    private func copy(_ step: Int, to result: UnsafeMutablePointer<Float>) {
        for index in 0..<layer.output.width { result[index] = answers[index * Vector.lanes + step] }
    }

    // MARK: - Gradients

    /// The leaf at hand of a sum.
    private struct Leaves {
        let node: GradientSums.Node
        let scored: ScoredSteps
        var done = 0
        var depth = 0

        init(_ node: GradientSums.Node, _ scored: ScoredSteps) {
            self.node = node
            self.scored = scored
        }

        /// Without a tree, all sequences are one.
        var count: Int { node.merges?.count ?? 1 }
        var left: Int { count - done }
        /// Behind the leaf's last step.
        var end: Int {
            scored.starts[node.merges == nil ? node.sequences.upperBound : node.sequences.lowerBound + done + 1]
        }
        var merges: Int { node.merges?[done] ?? 0 }
    }

    private func clearSums() { sums.update(repeating: 0, count: sumCount) }

    /// Adds the leaf's sums to those that wait for it, and begins the next leaf, if there is one.
    private func finishLeaf(_ leaves: inout Leaves) {
        let all = UnsafeMutableBufferPointer(start: sums, count: sumCount)
        for _ in 0..<leaves.merges {
            leaves.depth -= 1
            all.add(waiting + leaves.depth * sumCount)
        }
        leaves.done += 1
        guard leaves.left > 0 else { return }
        (waiting + leaves.depth * sumCount).update(from: sums, count: sumCount)
        leaves.depth += 1
        clearSums()
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

    /// The sums to their block.
    private func put(_ node: GradientSums.Node, at place: Int) {
        let H = layer.hiddenSize
        for index in 0..<layer.output.width {
            let gradient = UnsafeMutableBufferPointer(
                start: layer.weightGradient + (place + index * H), count: H)
            if !node.adds { gradient.update(repeating: 0) }
            gradient.add(sums + index * pitch)
            let bias = layer.biasGradient + (place + index)
            bias.pointee = (node.adds ? bias.pointee : 0) + biasSums[index]
        }
    }
}
