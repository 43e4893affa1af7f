import Kernels
import Tensors

/// The linear layer that answers at each scored step, with the loss on top: softmax cross-entropy for classes, squared
/// error for values.
///
/// Legend: S scored steps, H hidden, W width (classes or values). It works through the steps in chunks, from the product to the
/// gradients, so that the answers of a whole window, S W floats, never stand in memory; and through the width in blocks, so
/// that answers are gone through while they are in the cache:
///
///     for each chunk of steps
///         for each block of the width    answers = weight hidden^T; exponentials, with sums and tops for softmax
///         losses
///         for each block of the width    gradients of the answers, from them those of hidden, weight and bias
///
/// The answers are kept the other way round, in panels of steps `[W, steps]`: then the weights `[W, H]` are a left factor that is
/// read as it lies, and softmax has its sums side by side in vectors. Where W is small, `NarrowOutput` does it all.
struct OutputLayer {
    let weight: UnsafeMutablePointer<Float>  // [W, H]
    let bias: UnsafeMutablePointer<Float>  // [W]
    let weightGradient: UnsafeMutablePointer<Float>
    let biasGradient: UnsafeMutablePointer<Float>
    let hiddenSize: Int
    let output: TaskShape.Output

    /// What is wanted beside the losses.
    enum Purpose {
        case scoring
        /// The gradients of the summed loss: of the hidden rows, written to these; of the weights, added or set.
        case training(hiddenGradient: ResultRows, adding: Bool)
    }

    /// Answers at the scored steps, whose hidden rows are `hidden` `[S, H]` and whose places in the batch are `rows`; the loss
    /// of each is added to its sequence's in `losses`.
    ///
    /// - Parameter answers: where to leave the answers, `[S, W]` row-major: probabilities, or values; nil: nowhere.
    func run(
        _ purpose: Purpose, _ hidden: InputRows, rows: [Int32], batch: Batch, losses: inout [Double],
        answers: UnsafeMutablePointer<Float>?, _ scratch: OutputScratch
    ) {
        if output.width <= Tuning.narrowWidth {
            let memory = scratch.narrow(NarrowOutput.memoryCount(hiddenSize: hiddenSize, width: output.width))
            return NarrowOutput(self, memory: memory)
                .run(purpose, hidden, rows: rows, batch: batch, losses: &losses, answers: answers)
        }
        let length = Self.chunkLength(steps: rows.count, width: output.width)
        for first in stride(from: 0, to: rows.count, by: length) {
            let steps = first..<min(first + length, rows.count)
            let part = InputRows(
                hidden.pointer + first * hidden.pitch, pitch: hidden.pitch, columns: hiddenSize, count: steps.count)
            scratch.prepare(part.count, hiddenSize: hiddenSize, width: output.width, batch, rows[steps])
            let chunk = Chunk(layer: self, hidden: part, scratch: scratch)
            chunk.forward(batch, losses: &losses)
            switch purpose {
            case .scoring:
                guard let answers else { continue }
                for block in 0..<chunk.blocks {
                    chunk.level(block)
                    chunk.copy(block, to: answers + first * output.width)
                }
            case .training(let hiddenGradient, let adding):
                chunk.packHiddenRows()
                for block in 0..<chunk.blocks {
                    chunk.level(block)
                    if let answers { chunk.copy(block, to: answers + first * output.width) }
                    chunk.turnIntoGradient(block, batch)
                    chunk.backward(block, adding: adding || first > 0)
                }
                chunk.finishGradientOfHidden(
                    ResultRows(hiddenGradient.pointer + first * hiddenGradient.pitch, pitch: hiddenGradient.pitch))
            }
        }
        if case .training(_, adding: false) = purpose, rows.isEmpty {
            weightGradient.update(repeating: 0, count: output.width * hiddenSize)
            biasGradient.update(repeating: 0, count: output.width)
        }
    }

    /// Steps of a chunk: as many as the bytes for logits hold, in chunks of like size and whole panels.
    static func chunkLength(steps: Int, width: Int) -> Int {
        let most = max(1, Tuning.logitBytes / MemoryLayout<Float>.stride / width)
        let chunks = max(1, (steps + most - 1) / most)
        let panel = Tuning.tileColumns
        return max(panel, ((steps + chunks - 1) / chunks + panel - 1) / panel * panel)
    }

    /// Rows of the width in a block, so that a block of answers stays in L2.
    static func blockLength(steps: Int, width: Int) -> Int {
        min(width, Tuning.columnBlock, max(64, Tuning.answerBlockBytes / MemoryLayout<Float>.stride / max(steps, 1)))
    }

    static func blockCount(steps: Int, width: Int) -> Int {
        let length = blockLength(steps: steps, width: width)
        return (width + length - 1) / length
    }

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
    let hidden: InputRows
    let scratch: OutputScratch

    private var H: Int { layer.hiddenSize }
    private var W: Int { layer.output.width }
    private var blockLength: Int { OutputLayer.blockLength(steps: hidden.count, width: W) }
    var blocks: Int { OutputLayer.blockCount(steps: hidden.count, width: W) }

    private func rows(ofBlock block: Int) -> Range<Int> { block * blockLength..<min((block + 1) * blockLength, W) }

    /// A panel's answers, `[W, steps]`.
    private func answers(_ panel: Range<Int>) -> UnsafeMutablePointer<Float> {
        scratch.answers.pointer + W * panel.lowerBound
    }

    /// A panel's factors, `[steps]`.
    private func factors(_ panel: Range<Int>) -> UnsafeMutablePointer<Float> {
        scratch.factors.pointer + panel.lowerBound
    }

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
            for panel in ColumnPanels(of: hidden.count) {
                switch layer.output {
                case .classes:
                    scratch.withTargets(panel) {
                        softmax(panel).exponentiate(rows(ofBlock: block), block: block, targets: $0)
                    }
                case .values: addBias(block, panel)
                }
            }
        }
        for panel in ColumnPanels(of: hidden.count) {
            switch layer.output {
            case .classes:
                let softmax = softmax(panel)
                for step in 0..<panel.count {
                    losses[scratch.place(panel.lowerBound + step) % batch.sequences] += softmax.loss(step)
                }
                softmax.putFactors(to: factors(panel))
            case .values:
                let pitch = wholeVectors(panel.count)
                for step in 0..<panel.count {
                    let place = scratch.place(panel.lowerBound + step)
                    losses[place % batch.sequences] += layer.squaredError(
                        answers(panel) + step, stride: pitch, place, batch)
                }
                factors(panel).update(repeating: 1, count: pitch)
            }
        }
    }

    /// The hidden rows, transposed: panels of steps `[H, steps]`.
    private func packHiddenColumns() {
        for panel in ColumnPanels(of: hidden.count) {
            for first in stride(from: 0, to: panel.count, by: Vector.lanes) {
                packTransposed(
                    from: hidden.pointer + (panel.lowerBound + first) * hidden.pitch, pitch: hidden.pitch,
                    rows: min(Vector.lanes, panel.count - first), count: H,
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
            for panel in ColumnPanels(of: hidden.count) {
                let width = wholeVectors(panel.count)
                let result = answers(panel) + first * width
                multiply(
                    rows: count, LeftFactor(rows: layer.weight + first * H, pitch: H, count: H),
                    panel: scratch.hiddenColumns.pointer + H * panel.lowerBound, columns: width, start: .zero,
                    into: ResultRows(result, pitch: width),
                    prefetching: panel.upperBound < hidden.count
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
        for panel in ColumnPanels(of: hidden.count) { softmax(panel).level(rows(ofBlock: block), block: block) }
    }

    /// Copies the answers of a block to `[steps, W]`, row-major.
    func copy(_ block: Int, to result: UnsafeMutablePointer<Float>) {
        for panel in ColumnPanels(of: hidden.count) {
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
        for panel in ColumnPanels(of: hidden.count) {
            switch layer.output {
            case .classes: scratch.withTargets(panel) { softmax(panel).subtractTargets(rows, $0) }
            case .values:
                for step in 0..<panel.count {
                    layer.turnIntoGradient(
                        answers(panel) + step, stride: wholeVectors(panel.count), rows: rows,
                        scratch.place(panel.lowerBound + step), batch)
                }
            }
        }
    }

    // MARK: - Backward

    /// The hidden rows as panels of H columns, times the factors that the answers want.
    func packHiddenRows() {
        packPanels(
            from: hidden.pointer, pitch: hidden.pitch, columns: H, count: hidden.count,
            into: scratch.hiddenRows.pointer)
        for panel in ColumnPanels(of: H) {
            scaleRows(
                scratch.hiddenRows.pointer + hidden.count * panel.lowerBound, rows: hidden.count,
                columns: wholeVectors(panel.count), by: scratch.factors.pointer)
        }
    }

    /// What a block's answers give to the gradient of hidden, and the gradients of its rows of weight and bias.
    func backward(_ block: Int, adding: Bool) {
        let rows = rows(ofBlock: block)
        addGradientOfHidden(rows)
        gradientOfWeight(rows, adding: adding)
        let sums = layer.biasGradient + rows.lowerBound
        if !adding { sums.update(repeating: 0, count: rows.count) }
        for panel in ColumnPanels(of: hidden.count) {
            let width = wholeVectors(panel.count)
            addRowProducts(
                answers(panel) + rows.lowerBound * width, rows: rows.count, columns: width, factors(panel), to: sums)
        }
    }

    /// gradient of hidden, transposed, in panels of steps `[H, steps]` = (from the second block on, +=) weight^T d. Meanwhile the
    /// next panel's d comes into the cache, and then the gradients of the weights.
    private func addGradientOfHidden(_ rows: Range<Int>) {
        func d(_ panel: Range<Int>) -> UnsafeMutablePointer<Float> {
            answers(panel) + rows.lowerBound * wholeVectors(panel.count)
        }
        var coming = ColumnPanels(of: hidden.count)
        _ = coming.next()
        for panel in ColumnPanels(of: hidden.count) {
            let width = wholeVectors(panel.count)
            multiply(
                rows: H, LeftFactor(columns: layer.weight + rows.lowerBound * H, pitch: H, count: rows.count),
                panel: d(panel), columns: width, start: rows.lowerBound > 0 ? .result : .zero,
                into: ResultRows(scratch.hiddenGradient.pointer + H * panel.lowerBound, pitch: width),
                prefetching: coming.next().map { .floats(d($0), rows.count * wholeVectors($0.count)) }
                    ?? .floats(layer.weightGradient + rows.lowerBound * H, rows.count * H))
        }
    }

    /// After the last block: the gradient of hidden as rows `[steps, H]`.
    func finishGradientOfHidden(_ result: ResultRows) {
        for panel in ColumnPanels(of: hidden.count) {
            let gradient = scratch.hiddenGradient.pointer + H * panel.lowerBound
            scaleColumns(gradient, rows: H, columns: wholeVectors(panel.count), by: factors(panel))
            unpackTransposed(
                from: gradient, columns: panel.count, count: H,
                into: result.pointer + panel.lowerBound * result.pitch, pitch: result.pitch)
        }
    }

    /// gradient of weight `[W, H]` = (or +=) d hidden.
    private func gradientOfWeight(_ rows: Range<Int>, adding: Bool) {
        // The whole panels of steps are one left factor, in blocks; the last ones, narrower, come after it.
        let panelWidth = Tuning.tileColumns
        var whole = 0
        for panel in ColumnPanels(of: hidden.count) where panel.count == panelWidth { whole = panel.upperBound }
        if whole > 0 {
            let numbers = answers(0..<panelWidth) + rows.lowerBound * panelWidth
            addGradientOfWeight(
                rows, 0..<whole,
                LeftFactor(
                    numbers, rowStride: panelWidth, step: 1, blockLength: panelWidth, blockStride: W * panelWidth,
                    blocks: whole / panelWidth), start: adding ? .result : .zero)
        }
        for panel in ColumnPanels(of: hidden.count) where panel.lowerBound >= whole {
            let width = wholeVectors(panel.count)
            addGradientOfWeight(
                rows, panel,
                LeftFactor(rows: answers(panel) + rows.lowerBound * width, pitch: width, count: panel.count),
                start: adding || panel.lowerBound > 0 ? .result : .zero)
        }
    }

    /// Meanwhile the weights of the next block come into the cache.
    private func addGradientOfWeight(_ rows: Range<Int>, _ steps: Range<Int>, _ d: LeftFactor, start: ProductStart) {
        for panel in ColumnPanels(of: H) {
            let packed =
                scratch.hiddenRows.pointer + hidden.count * panel.lowerBound
                + steps.lowerBound * wholeVectors(panel.count)
            multiply(
                rows: rows.count, d, panel: packed, columns: panel.count, start: start,
                into: ResultRows(layer.weightGradient + rows.lowerBound * H + panel.lowerBound, pitch: H),
                prefetching: panel.lowerBound == 0
                    ? .floats(layer.weight + rows.upperBound * H, rows.count * H) : .result)
        }
    }
}
