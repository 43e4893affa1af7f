import Kernels
import Tensors

/// The linear layer that answers at each scored step, with the loss on top: softmax cross-entropy for classes, squared
/// error for values.
///
/// Legend: S scored steps, H hidden, W width (classes or values). It works through the steps in chunks, from the product to the
/// gradients, so that the answers of a whole window, S W floats, never stand in memory. Within a chunk the answers are kept
/// the other way round, in panels of steps `[W, steps]`: then the weights `[W, H]` are a left factor that is read as it lies,
/// and softmax has its sums side by side in vectors.
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
        let count = rows.count
        let length = Self.chunkLength(steps: count, width: output.width)
        scratch.prepare(steps: min(length, count), hiddenSize: hiddenSize, width: output.width)
        for first in stride(from: 0, to: count, by: length) {
            let steps = first..<min(first + length, count)
            let chunk = InputRows(
                hidden.pointer + first * hidden.pitch, pitch: hidden.pitch, columns: hiddenSize, count: steps.count)
            product(chunk, scratch)
            for panel in ColumnPanels(of: steps.count) {
                let answer = scratch.answers.pointer + output.width * panel.lowerBound
                let places = rows[steps.lowerBound + panel.lowerBound..<steps.lowerBound + panel.upperBound]
                judge(answer, panel.count, places, batch, losses: &losses)
                if let answers {
                    copy(answer, panel.count, to: answers + (first + panel.lowerBound) * output.width)
                }
                if case .training = purpose { turnIntoGradient(answer, panel.count, places, batch) }
            }
            if case .training(let hiddenGradient, let adding) = purpose {
                let part = ResultRows(
                    hiddenGradient.pointer + first * hiddenGradient.pitch, pitch: hiddenGradient.pitch)
                backward(chunk, part, adding: adding || first > 0, scratch)
            }
        }
        if case .training(_, adding: false) = purpose, count == 0 {
            weightGradient.update(repeating: 0, count: output.width * hiddenSize)
            biasGradient.update(repeating: 0, count: output.width)
        }
    }

    /// Steps of a chunk: as many as the bytes for logits hold, in chunks of like size and whole panels.
    static func chunkLength(steps: Int, width: Int) -> Int {
        let most = max(1, Tuning.logitBytes / MemoryLayout<Float>.stride / width)
        let chunks = max(1, (steps + most - 1) / most)
        let panel = Tuning.tileVectors * Vector.lanes
        return max(panel, ((steps + chunks - 1) / chunks + panel - 1) / panel * panel)
    }

    /// answers `[W, steps]` = weight hidden^T, without the bias.
    private func product(_ hidden: InputRows, _ scratch: OutputScratch) {
        for panel in ColumnPanels(of: hidden.count) {
            let width = wholeVectors(panel.count)
            for first in stride(from: 0, to: panel.count, by: Vector.lanes) {
                packTransposed(
                    from: hidden.pointer + (panel.lowerBound + first) * hidden.pitch, pitch: hidden.pitch,
                    rows: min(Vector.lanes, panel.count - first), count: hiddenSize,
                    into: scratch.hiddenColumns.pointer + hiddenSize * panel.lowerBound + first, panelPitch: width)
            }
        }
        let bytesOfRow = hiddenSize * MemoryLayout<Float>.stride
        let rowsAtOnce = max(Tuning.rowsAtOnce, Tuning.outputBlockBytes / bytesOfRow)
        for first in stride(from: 0, to: output.width, by: rowsAtOnce) {
            for panel in ColumnPanels(of: hidden.count) {
                let width = wholeVectors(panel.count)
                multiply(
                    rows: min(rowsAtOnce, output.width - first),
                    LeftFactor(rows: weight + first * hiddenSize, pitch: hiddenSize, count: hiddenSize),
                    panel: scratch.hiddenColumns.pointer + hiddenSize * panel.lowerBound, columns: width, start: .zero,
                    into: ResultRows(
                        scratch.answers.pointer + output.width * panel.lowerBound + first * width, pitch: width))
            }
        }
    }

    /// Adds the losses of a panel's steps; classes become probabilities, values get their bias.
    private func judge(
        _ answer: UnsafeMutablePointer<Float>, _ steps: Int, _ places: ArraySlice<Int32>, _ batch: Batch,
        losses: inout [Double]
    ) {
        let pitch = wholeVectors(steps)
        switch output {
        case .classes(let classes):
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: steps) { targets in
                for (step, place) in places.enumerated() { targets[step] = batch.targets[Int(place)] }
                guard let first = targets.baseAddress else { return }
                ColumnSoftmax(answer, classes: classes, columns: steps, bias: bias).normalise(first) { step, loss in
                    losses[Int(places[places.startIndex + step]) % batch.sequences] += loss
                }
            }
        case .values(let values):
            for value in 0..<values {
                for step in 0..<steps { answer[value * pitch + step] += bias[value] }
            }
            for (step, place) in places.enumerated() {
                var sum = 0.0
                for value in 0..<values {
                    let target = batch.targetValues[Int(place) * values + value]
                    let error = Double(answer[value * pitch + step]) - Double(target)
                    sum += error * error
                }
                losses[Int(place) % batch.sequences] += sum / Double(values)
            }
        }
    }

    private func copy(_ answer: UnsafePointer<Float>, _ steps: Int, to answers: UnsafeMutablePointer<Float>) {
        let pitch = wholeVectors(steps)
        for step in 0..<steps {
            for row in 0..<output.width { answers[step * output.width + row] = answer[row * pitch + step] }
        }
    }

    /// Answers become the gradients of the summed loss by the numbers before the loss.
    private func turnIntoGradient(
        _ answer: UnsafeMutablePointer<Float>, _ steps: Int, _ places: ArraySlice<Int32>, _ batch: Batch
    ) {
        let pitch = wholeVectors(steps)
        switch output {
        case .classes:
            for (step, place) in places.enumerated() { answer[Int(batch.targets[Int(place)]) * pitch + step] -= 1 }
        case .values(let values):
            for value in 0..<values {
                for (step, place) in places.enumerated() {
                    let error = answer[value * pitch + step] - batch.targetValues[Int(place) * values + value]
                    answer[value * pitch + step] = 2 * error / Float(values)
                }
            }
        }
    }

    private func backward(_ hidden: InputRows, _ hiddenGradient: ResultRows, adding: Bool, _ scratch: OutputScratch) {
        gradientOfHidden(hidden.count, hiddenGradient, scratch)
        gradientOfWeight(hidden, adding: adding, scratch)
        for row in 0..<output.width {
            var sum = Vector.zero
            for panel in ColumnPanels(of: hidden.count) {
                let width = wholeVectors(panel.count)
                let numbers = scratch.answers.pointer + output.width * panel.lowerBound + row * width
                for column in stride(from: 0, to: width, by: Vector.lanes) { sum += Vector(at: numbers + column) }
            }
            biasGradient[row] = (adding ? biasGradient[row] : 0) + sum.sum()
        }
    }

    /// gradient of hidden `[steps, H]` = d^T weight.
    private func gradientOfHidden(_ steps: Int, _ result: ResultRows, _ scratch: OutputScratch) {
        for first in stride(from: 0, to: output.width, by: Tuning.columnBlock) {
            let count = min(Tuning.columnBlock, output.width - first)
            packPanels(
                from: weight + first * hiddenSize, pitch: hiddenSize, columns: hiddenSize, count: count,
                into: scratch.packed.pointer)
            for panel in ColumnPanels(of: steps) {
                let width = wholeVectors(panel.count)
                let numbers = scratch.answers.pointer + output.width * panel.lowerBound + first * width
                multiply(
                    rows: panel.count, LeftFactor(columns: numbers, pitch: width, count: count),
                    panels: scratch.packed.pointer, columns: wholeVectors(hiddenSize),
                    start: first > 0 ? .result : .zero,
                    into: ResultRows(result.pointer + panel.lowerBound * result.pitch, pitch: result.pitch),
                    rowsAtOnce: Tuning.columnsAtOnce)
            }
        }
    }

    /// gradient of weight `[W, H]` = (or +=) d hidden.
    private func gradientOfWeight(_ hidden: InputRows, adding: Bool, _ scratch: OutputScratch) {
        packPanels(
            from: hidden.pointer, pitch: hidden.pitch, columns: hiddenSize, count: hidden.count,
            into: scratch.packed.pointer)
        // The whole panels of steps are one left factor, in blocks; the last ones, narrower, come after it.
        let panelWidth = Tuning.tileVectors * Vector.lanes
        let rowsAtOnce = max(Tuning.rowsAtOnce, Tuning.outputBlockBytes / (hidden.count * MemoryLayout<Float>.stride))
        for first in stride(from: 0, to: output.width, by: rowsAtOnce) {
            var start: ProductStart = adding ? .result : .zero
            let rows = min(rowsAtOnce, output.width - first)
            func multiply(_ steps: Range<Int>, _ a: LeftFactor) {
                for panel in ColumnPanels(of: hiddenSize) {
                    let width = wholeVectors(panel.count)
                    let packed = scratch.packed.pointer + hidden.count * panel.lowerBound + steps.lowerBound * width
                    Kernels.multiply(
                        rows: rows, a, panel: packed, columns: panel.count, start: start,
                        into: ResultRows(weightGradient + first * hiddenSize + panel.lowerBound, pitch: hiddenSize))
                }
                start = .result
            }
            var whole = 0
            for panel in ColumnPanels(of: hidden.count) where panel.count == panelWidth { whole = panel.upperBound }
            if whole > 0 {
                multiply(
                    0..<whole,
                    LeftFactor(
                        scratch.answers.pointer + first * panelWidth, rowStride: panelWidth, step: 1,
                        blockLength: panelWidth, blockStride: output.width * panelWidth, blocks: whole / panelWidth))
            }
            for panel in ColumnPanels(of: hidden.count) where panel.lowerBound >= whole {
                let width = wholeVectors(panel.count)
                let numbers = scratch.answers.pointer + output.width * panel.lowerBound + first * width
                multiply(panel, LeftFactor(rows: numbers, pitch: width, count: panel.count))
            }
        }
    }
}

/// What the output layer needs beside the hidden rows, for one chunk of steps.
final class OutputScratch {
    /// Panels of steps `[W, steps]`: logits, probabilities, gradients.
    private(set) var answers = FloatBlock(count: 0)
    /// Panels of steps `[H, steps]`: the hidden rows, transposed.
    private(set) var hiddenColumns = FloatBlock(count: 0)
    /// Panels of H columns: hidden rows, or a block of the weights.
    private(set) var packed = FloatBlock(count: 0)

    func prepare(steps: Int, hiddenSize: Int, width: Int) {
        let steps = wholeVectors(steps)
        if answers.count < steps * width { answers = FloatBlock(count: steps * width) }
        if hiddenColumns.count < steps * hiddenSize { hiddenColumns = FloatBlock(count: steps * hiddenSize) }
        let depth = max(steps, min(width, Tuning.columnBlock))
        if packed.count < depth * wholeVectors(hiddenSize) {
            packed = FloatBlock(count: depth * wholeVectors(hiddenSize))
        }
    }
}
