import Kernels
import Tensors

/// What the tensors of an output layer follow from. Legend: H hidden, W width (classes or values).
struct OutputPart: ModelPart {
    /// H.
    let hiddenSize: Int
    /// W.
    let width: Int

    var parameters: [ParameterSpec] {
        [ParameterSpec("output.weight", [width, hiddenSize]), ParameterSpec("output.bias", [width])]
    }

    /// 2 H W.
    var flops: Double { 2 * Double(hiddenSize) * Double(width) }
}

/// The linear layer that answers at each scored step, with the loss on top: softmax cross-entropy for classes, squared
/// error for values.
///
/// Legend: S scored steps, H hidden, W width (classes or values). It works through the steps in chunks (`OutputPlan`), from the
/// product to the gradients, so that the answers of a whole window, S W floats, never stand in memory; and through the width in
/// blocks, so that answers are gone through while they are in the cache:
///
///     for each chunk of steps
///         for each block of the width    answers = weight hidden^T; exponentials, with sums and tops for softmax
///         losses
///         for each block of the width    gradients of the answers, from them those of hidden, weight and bias
///
/// The answers are kept the other way round, in panels of steps `[W, steps]`: then the weights `[W, H]` are a left factor that is
/// read as it lies, and softmax has its sums side by side in vectors. Where W is small, `NarrowOutput` does it all.
package struct OutputLayer {
    let weight: UnsafeMutablePointer<Float>  // [W, H]
    let bias: UnsafeMutablePointer<Float>  // [W]
    let weightGradient: UnsafeMutablePointer<Float>
    let biasGradient: UnsafeMutablePointer<Float>
    let hiddenSize: Int
    let output: TaskShape.Output

    /// - Parameter tensors: where the part's tensors are in both blocks.
    init(
        _ part: OutputPart, at tensors: ArraySlice<TensorLayout.Tensor>, parameters: FloatBlock, gradients: FloatBlock,
        output: TaskShape.Output
    ) {
        let offsets = tensors.map(\.offset)  // weight, bias
        weight = parameters.pointer + offsets[0]
        bias = parameters.pointer + offsets[1]
        weightGradient = gradients.pointer + offsets[0]
        biasGradient = gradients.pointer + offsets[1]
        hiddenSize = part.hiddenSize
        self.output = output
    }

    /// What is wanted beside the losses.
    enum Purpose {
        case scoring
        case training(Backward)
    }

    /// What becomes of the gradients of the summed loss.
    struct Backward {
        /// Where those of the hidden rows go, at their places: rows of whole vectors.
        let hiddenGradient: ResultRows
        /// Those of the weights, over the sequences of the batch.
        let sums: BatchSums
        /// Floats from a gradient block to the next.
        let blockStride: Int
    }

    /// Answers at the scored steps, whose hidden rows are those of `hidden` at their places; the loss of each is added to its
    /// sequence's in `losses`.
    ///
    /// - Parameters:
    ///   - hidden: `[T B, H]`.
    ///   - answers: where to leave the answers, `[S, W]` row-major: probabilities, or values; nil: nowhere.
    func run(
        _ purpose: Purpose, _ hidden: InputRows, _ scored: ScoredSteps, _ batch: Batch, losses: inout [Double],
        answers: UnsafeMutablePointer<Float>?, _ scratch: OutputScratch
    ) {
        if output.width <= Tuning.narrowWidth {
            let memory = scratch.narrow(
                NarrowOutput.memoryCount(hiddenSize: hiddenSize, width: output.width, sequences: batch.sequences))
            return NarrowOutput(self, memory: memory, sequences: batch.sequences)
                .run(purpose, hidden, scored, batch, losses: &losses, answers: answers)
        }
        switch purpose {
        case .scoring: scratch.plan.prepare(steps: scored.count, width: output.width)
        case .training(let wanted): scratch.plan.prepare(wanted.sums, scored, width: output.width)
        }
        for part in scratch.plan.chunks {
            scratch.prepare(part, hiddenSize: hiddenSize, width: output.width, scored)
            let result = answers.map { $0 + part.steps.lowerBound * output.width }
            scored.places.withUnsafeBufferPointer { places in
                guard let first = places.baseAddress else { return }
                let chunk = Chunk(
                    layer: self, hidden: hidden, places: first + part.steps.lowerBound, steps: part.steps.count,
                    scratch: scratch)
                chunk.forward(batch, losses: &losses)
                switch purpose {
                case .scoring:
                    guard let result else { return }
                    for block in 0..<chunk.blocks {
                        chunk.level(block)
                        chunk.copy(block, to: result)
                    }
                case .training(let wanted):
                    chunk.packHiddenRows()
                    for block in 0..<chunk.blocks {
                        chunk.level(block)
                        if let result { chunk.copy(block, to: result) }
                        chunk.turnIntoGradient(block, batch)
                        chunk.addGradientOfHidden(block)
                        for piece in part.pieces { chunk.gradientOfWeight(block, piece, part, wanted.blockStride) }
                    }
                    chunk.finishGradientOfHidden(wanted.hiddenGradient)
                }
            }
        }
        if case .training(let wanted) = purpose, scored.count == 0 {
            for node in wanted.sums.nodes where !node.sum.adds {
                let place = node.sum.block * wanted.blockStride
                (weightGradient + place).update(repeating: 0, count: output.width * hiddenSize)
                (biasGradient + place).update(repeating: 0, count: output.width)
            }
        }
    }

    /// The most steps whose answers stand in memory at once, of a window of so many.
    package static func mostSteps(_ steps: Int, width: Int, byTree: Bool) -> Int {
        OutputPlan.mostSteps(steps, width: width, byTree: byTree)
    }

    /// Rows of the width in a block, so that a block of answers stays in L2. By the width alone: softmax's running sums go from
    /// block to block.
    static func blockLength(width: Int) -> Int {
        let blocks = max(1, (width + Tuning.answerBlock - 1) / Tuning.answerBlock)
        return (width + blocks - 1) / blocks
    }

    static func blockCount(width: Int) -> Int { (width + blockLength(width: width) - 1) / blockLength(width: width) }

    /// The loss of a step that answers with values: their mean squared error. The answers are `stride` floats apart.
    func squaredError(_ answer: UnsafePointer<Float>, stride: Int, _ place: Int, _ batch: Batch) -> Double {
        let values = output.width
        var sum = 0.0
        for value in 0..<values {
            let error = Double(answer[value * stride]) - Double(batch.targetValues[place * values + value])
            sum += error * error
        }
        return sum / Double(values)
    }

    /// A step's answers, those of `rows`, become the gradients of its loss by the numbers before the loss.
    func turnIntoGradient(
        _ answer: UnsafeMutablePointer<Float>, stride: Int, rows: Range<Int>, _ place: Int, _ batch: Batch
    ) {
        switch output {
        case .classes:
            let target = Int(batch.targets[place])
            if rows.contains(target) { answer[target * stride] -= 1 }
        case .values(let values):
            for value in rows {
                let error = answer[value * stride] - batch.targetValues[place * values + value]
                answer[value * stride] = 2 * error / Float(values)
            }
        }
    }
}

/// The output layer's work on some steps of a window.
private struct Chunk {
    let layer: OutputLayer
    /// `[T B, H]`
    let hidden: InputRows
    /// Of each of the chunk's steps, among these rows.
    let places: UnsafePointer<Int32>
    let steps: Int
    let scratch: OutputScratch

    private var H: Int { layer.hiddenSize }
    private var W: Int { layer.output.width }
    private var blockLength: Int { OutputLayer.blockLength(width: W) }
    var blocks: Int { OutputLayer.blockCount(width: W) }

    private func rows(ofBlock block: Int) -> Range<Int> { block * blockLength..<min((block + 1) * blockLength, W) }

    /// A panel's answers, `[W, steps]`.
    private func answers(_ panel: Range<Int>) -> UnsafeMutablePointer<Float> {
        scratch.answers.pointer + W * panel.lowerBound
    }

    /// A panel's factors, `[steps]`.
    private func factors(_ panel: Range<Int>) -> UnsafeMutablePointer<Float> {
        scratch.factors.pointer + panel.lowerBound
    }

    private func place(_ step: Int) -> Int { Int(places[step]) }

    private func softmax(_ panel: Range<Int>) -> ColumnSoftmax {
        ColumnSoftmax(
            answers(panel), columns: panel.count, bias: layer.bias,
            memory: scratch.softmax.pointer + ColumnSoftmax.memoryCount(columns: panel.lowerBound, blocks: blocks),
            blocks: blocks)
    }

    // MARK: - Forward

    /// Computes the answers, as exponentials where they are classes, and adds the losses to their sequences'.
    func forward(_ batch: Batch, losses: inout [Double]) {
        packHiddenColumns()
        for block in 0..<blocks {
            product(block)
            for panel in ColumnPanels(of: steps) {
                switch layer.output {
                case .classes:
                    scratch.withTargets(panel) {
                        softmax(panel).exponentiate(rows(ofBlock: block), block: block, targets: $0)
                    }
                case .values: addBias(block, panel)
                }
            }
        }
        for panel in ColumnPanels(of: steps) {
            switch layer.output {
            case .classes:
                let softmax = softmax(panel)
                for step in 0..<panel.count {
                    losses[place(panel.lowerBound + step) % batch.sequences] += softmax.loss(step)
                }
                softmax.putFactors(to: factors(panel))
            case .values:
                let pitch = wholeVectors(panel.count)
                for step in 0..<panel.count {
                    let place = place(panel.lowerBound + step)
                    losses[place % batch.sequences] += layer.squaredError(
                        answers(panel) + step, stride: pitch, place, batch)
                }
                factors(panel).update(repeating: 1, count: pitch)
            }
        }
    }

    /// The hidden rows, transposed: panels of steps `[H, steps]`.
    private func packHiddenColumns() {
        for panel in ColumnPanels(of: steps) {
            for first in stride(from: 0, to: panel.count, by: Vector.lanes) {
                packTransposed(
                    from: hidden.pointer, pitch: hidden.pitch, rows: places + panel.lowerBound + first,
                    lanes: min(Vector.lanes, panel.count - first), count: H,
                    into: scratch.hiddenColumns.pointer + H * panel.lowerBound + first,
                    panelPitch: wholeVectors(panel.count))
            }
        }
    }

    /// answers = weight hidden^T, without the bias. Meanwhile the place of the answers, which have left the cache since the last
    /// chunk, comes back into it, and then the next rows of weights.
    private func product(_ block: Int) {
        let rows = rows(ofBlock: block)
        let rowsAtOnce = max(Tuning.outputRows, Tuning.outputBlockBytes / (H * MemoryLayout<Float>.stride))
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: rowsAtOnce) {
            let count = min(rowsAtOnce, rows.upperBound - first)
            for panel in ColumnPanels(of: steps) {
                let width = wholeVectors(panel.count)
                let result = answers(panel) + first * width
                multiply(
                    rows: count, LeftFactor(rows: layer.weight + first * H, pitch: H, count: H),
                    panel: scratch.hiddenColumns.pointer + H * panel.lowerBound, columns: width, start: .zero,
                    into: ResultRows(result, pitch: width),
                    prefetching: panel.upperBound < steps
                        ? .floats(result, count * width) : .floats(layer.weight + (first + count) * H, count * H))
            }
        }
    }

    private func addBias(_ block: Int, _ panel: Range<Int>) {
        let pitch = wholeVectors(panel.count)
        for row in rows(ofBlock: block) {
            for step in 0..<panel.count { answers(panel)[row * pitch + step] += layer.bias[row] }
        }
    }

    // MARK: - From answers to gradients

    /// Exponentials of all blocks get the same top.
    func level(_ block: Int) {
        guard case .classes = layer.output else { return }
        for panel in ColumnPanels(of: steps) { softmax(panel).level(rows(ofBlock: block), block: block) }
    }

    /// Copies the answers of a block to `[steps, W]`, row-major.
    func copy(_ block: Int, to result: UnsafeMutablePointer<Float>) {
        for panel in ColumnPanels(of: steps) {
            let pitch = wholeVectors(panel.count)
            for row in rows(ofBlock: block) {
                for step in 0..<panel.count {
                    result[(panel.lowerBound + step) * W + row] =
                        answers(panel)[row * pitch + step] * factors(panel)[step]
                }
            }
        }
    }

    /// Answers become the gradients of the summed loss by the numbers before the loss, but for the factors.
    func turnIntoGradient(_ block: Int, _ batch: Batch) {
        let rows = rows(ofBlock: block)
        for panel in ColumnPanels(of: steps) {
            switch layer.output {
            case .classes: scratch.withTargets(panel) { softmax(panel).subtractTargets(rows, $0) }
            case .values:
                for step in 0..<panel.count {
                    layer.turnIntoGradient(
                        answers(panel) + step, stride: wholeVectors(panel.count), rows: rows,
                        place(panel.lowerBound + step), batch)
                }
            }
        }
    }

    // MARK: - Backward

    /// The hidden rows times the factors that the answers want, as panels of H + 1 columns: the last holds the factors alone, and
    /// makes of the gradient of the weights that of the bias too.
    func packHiddenRows() {
        for panel in ColumnPanels.forLeaves(of: H + 1) {
            packScaledRows(
                from: hidden.pointer, pitch: hidden.pitch, width: H, rows: places,
                factors: scratch.factors.pointer, count: steps, columns: panel,
                into: scratch.hiddenRows.pointer + steps * panel.lowerBound)
        }
    }

    /// gradient of hidden, transposed, in panels of steps `[H, steps]` = (from the second block on, +=) weight^T d. Meanwhile the
    /// next panel's d comes into the cache, and then the gradients of the weights.
    func addGradientOfHidden(_ block: Int) {
        let rows = rows(ofBlock: block)
        func d(_ panel: Range<Int>) -> UnsafeMutablePointer<Float> {
            answers(panel) + rows.lowerBound * wholeVectors(panel.count)
        }
        var coming = ColumnPanels(of: steps)
        _ = coming.next()
        for panel in ColumnPanels(of: steps) {
            let width = wholeVectors(panel.count)
            multiply(
                rows: H, LeftFactor(columns: layer.weight + rows.lowerBound * H, pitch: H, count: rows.count),
                panel: d(panel), columns: width, start: rows.lowerBound > 0 ? .result : .zero,
                into: ResultRows(scratch.hiddenGradient.pointer + H * panel.lowerBound, pitch: width),
                prefetching: coming.next().map { .floats(d($0), rows.count * wholeVectors($0.count)) }
                    ?? .floats(layer.weightGradient + rows.lowerBound * H, rows.count * H))
        }
    }

    /// After the last block: the gradient of hidden as rows, at their places.
    func finishGradientOfHidden(_ result: ResultRows) {
        for panel in ColumnPanels(of: steps) {
            let gradient = scratch.hiddenGradient.pointer + H * panel.lowerBound
            scaleColumns(gradient, rows: H, columns: wholeVectors(panel.count), by: factors(panel))
            unpackTransposed(
                from: gradient, columns: panel.count, count: H, into: result.pointer, pitch: result.pitch,
                rows: places + panel.lowerBound)
        }
    }

    /// The gradients of a block's rows of weight `[W, H]` and of bias = (or +=) d hidden, for one piece of a sum.
    func gradientOfWeight(_ block: Int, _ number: Int, _ chunk: OutputPlan.Chunk, _ blockStride: Int) {
        let rows = rows(ofBlock: block)
        let piece = scratch.plan.pieces[number]
        let weight = layer.weightGradient + (piece.sum.block * blockStride + rows.lowerBound * H)
        let bias = layer.biasGradient + (piece.sum.block * blockStride + rows.lowerBound)
        let firstStep = piece.steps.lowerBound - chunk.steps.lowerBound
        scratch.withRuns(ofPiece: number - chunk.pieces.lowerBound) { runs in
            let d = LeafFactor(scratch.answers.pointer, firstRow: rows.lowerBound, step: 1, runs: runs)
            for panel in ColumnPanels.forLeaves(of: H + 1) {
                let packed =
                    scratch.hiddenRows.pointer + steps * panel.lowerBound
                    + firstStep * wholeVectors(panel.count)
                guard panel.upperBound > H else {
                    multiplyByLeaves(
                        rows: rows.count, d, panel: packed, columns: panel.count, adding: piece.sum.adds,
                        into: GroupedRows(weight + panel.lowerBound, pitch: H), stack: scratch.stack.pointer)
                    continue
                }
                let beside = GroupedRows(scratch.lastColumns.pointer, pitch: Tuning.leafColumns)
                multiplyByLeaves(
                    rows: rows.count, d, panel: packed, columns: wholeVectors(panel.count), adding: false,
                    into: beside, stack: scratch.stack.pointer)
                for row in 0..<rows.count {
                    let from = beside.pointer + row * beside.pitch
                    let to = UnsafeMutableBufferPointer(
                        start: weight + row * H + panel.lowerBound, count: H - panel.lowerBound)
                    if !piece.sum.adds { to.update(repeating: 0) }
                    to.add(from)
                    bias[row] = (piece.sum.adds ? bias[row] : 0) + from[H - panel.lowerBound]
                }
            }
        }
    }
}
