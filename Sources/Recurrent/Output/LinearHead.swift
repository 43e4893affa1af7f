import Kernels
import Tensors

/// The work of an output layer on a batch, compiled for one loss.
///
/// Legend: S scored steps, H hidden, W outputs. It works through the steps in chunks (`OutputChunks`), from the product
/// to the gradients, so that the outputs of a whole window, S W floats, are never in memory at once; and through the W
/// rows in blocks, so that a block's outputs stay in the cache:
///
///     for each chunk of steps
///         for each block of rows    outputs = weight hidden^T, then what the loss makes of them
///         losses
///         for each block of rows    gradients of the outputs, from them those of hidden, weight and bias
///
/// Outputs are stored transposed, in panels of steps `[W, steps]`: then the weights `[W, H]` are a left factor that is
/// read as it is stored, and a softmax has its sums side by side in vectors. Where W is small, `NarrowHead` does the
/// work.
struct LinearHead<L: Loss> {
    let loss: L
    let pass: OutputPass
    let chunks: OutputChunks

    private var layer: OutputLayer { pass.layer }

    func run(losses: inout [Double]) {
        if pass.scored.count == 0 { return clearGradients() }
        switch pass.purpose {
        case .scoring: chunks.divide(steps: pass.scored.count, width: loss.width, asOne: loss is any SequenceLoss)
        case .training(let wanted):
            chunks.divide(wanted.sums, pass.scored, width: loss.width, asOne: loss is any SequenceLoss)
        }
        for part in chunks.chunks {
            chunks.prepare(part, hiddenSize: layer.hiddenSize, loss, pass.scored)
            let chunk = Chunk(loss: loss, pass: pass, steps: part.steps, chunks: chunks)
            let outputs = pass.outputs.map { $0 + part.steps.lowerBound * loss.width }
            chunk.forward(losses: &losses)
            if let loss = loss as? any SequenceLoss { chunk.score(loss, part, losses: &losses) }
            switch pass.purpose {
            case .scoring:
                guard let outputs else { continue }
                for block in 0..<chunk.blocks {
                    chunk.level(block)
                    chunk.copy(block, to: outputs)
                }
            case .training(let wanted):
                chunk.packHiddenRows()
                for block in 0..<chunk.blocks {
                    chunk.level(block)
                    if let outputs { chunk.copy(block, to: outputs) }
                    chunk.makeGradient(block)
                    chunk.addGradientOfHidden(block)
                    for piece in part.pieces { chunk.gradientOfWeight(block, piece, part, wanted.blockStride) }
                }
                chunk.finishGradientOfHidden(wanted.hiddenGradient)
            }
        }
    }

    /// Without a scored step, gradients that are not added to others are zero.
    private func clearGradients() {
        guard case .training(let wanted) = pass.purpose else { return }
        for node in wanted.sums.nodes where !node.sum.adds {
            let place = node.sum.block * wanted.blockStride
            (layer.weightGradient + place).update(repeating: 0, count: loss.width * layer.hiddenSize)
            (layer.biasGradient + place).update(repeating: 0, count: loss.width)
            for (tensor, spec) in zip(layer.lossTensors, loss.parameters) {
                (tensor.gradient + place).update(repeating: 0, count: spec.shape.reduce(1, *))
            }
        }
    }
}

/// The division of an output layer's W rows into blocks.
enum OutputBlocks {
    /// Rows in a block, so that a block of outputs stays in L2. By W alone: a softmax carries its running sums from
    /// block to block.
    static func length(width: Int) -> Int {
        let blocks = max(1, (width + Tuning.answerBlock - 1) / Tuning.answerBlock)
        return (width + blocks - 1) / blocks
    }

    static func count(width: Int) -> Int { (width + length(width: width) - 1) / length(width: width) }
}

/// The work on some consecutive scored steps of a window.
private struct Chunk<L: Loss> {
    let loss: L
    let pass: OutputPass
    /// Among all scored steps.
    let steps: Range<Int>
    let chunks: OutputChunks

    private var layer: OutputLayer { pass.layer }
    private var H: Int { layer.hiddenSize }
    private var W: Int { loss.width }
    private var blockLength: Int { OutputBlocks.length(width: W) }
    var blocks: Int { OutputBlocks.count(width: W) }

    private func rows(ofBlock block: Int) -> Range<Int> { block * blockLength..<min((block + 1) * blockLength, W) }

    /// The place of each of the chunk's steps in the batch.
    private var places: UnsafePointer<Int32> { pass.targets.places.baseAddress! + steps.lowerBound }  // it has a step

    /// A panel's outputs, `[W, steps]`.
    private func outputs(_ panel: Range<Int>) -> UnsafeMutablePointer<Float> {
        chunks.outputs.pointer + W * panel.lowerBound
    }

    /// A panel's factors, `[steps]`.
    private func factors(_ panel: Range<Int>) -> UnsafeMutablePointer<Float> {
        chunks.factors.pointer + panel.lowerBound
    }

    private func outputPanel(_ panel: Range<Int>) -> OutputPanel {
        OutputPanel(
            values: outputs(panel), columns: panel.count, pitch: wholeVectors(panel.count), bias: layer.bias,
            memory: chunks.lossMemory.pointer + loss.memoryCount(columns: panel.lowerBound, blocks: blocks),
            blocks: blocks, targets: pass.targets, firstStep: steps.lowerBound + panel.lowerBound)
    }

    // MARK: - Forward

    /// Computes the raw outputs and adds the losses to their sequences'.
    func forward(losses: inout [Double]) {
        packHiddenColumns()
        for block in 0..<blocks {
            product(block)
            for panel in ColumnPanels(of: steps.count) {
                loss.forward(outputPanel(panel), rows: rows(ofBlock: block), block: block)
            }
        }
        for panel in ColumnPanels(of: steps.count) {
            let outputs = outputPanel(panel)
            for column in 0..<panel.count {
                losses[outputs.place(column) % pass.targets.sequences] += loss.value(outputs, column: column)
            }
            loss.setFactors(of: outputs, factors(panel))
        }
    }

    /// The work of a loss of whole sequences, whose steps are all in this chunk.
    func score(_ loss: any SequenceLoss, _ part: OutputChunks.Chunk, losses: inout [Double]) {
        let wanted: OutputPass.Backward? = if case .training(let wanted) = pass.purpose { wanted } else { nil }
        loss.score(
            SequenceOutputs(
                layer: layer, targets: pass.targets, scored: pass.scored, range: steps,
                values: chunks.outputs.pointer, width: W, wanted: wanted, keepsOutputs: pass.outputs != nil,
                pieces: part.pieces.map { chunks.pieces[$0].sum }, memory: chunks.chain),
            losses: &losses)
    }

    /// The hidden rows, transposed: panels of steps `[H, steps]`.
    private func packHiddenColumns() {
        for panel in ColumnPanels(of: steps.count) {
            for first in stride(from: 0, to: panel.count, by: Vector.lanes) {
                packTransposed(
                    from: pass.hidden.pointer, pitch: pass.hidden.pitch, rows: places + panel.lowerBound + first,
                    lanes: min(Vector.lanes, panel.count - first), count: H,
                    into: chunks.hiddenColumns.pointer + H * panel.lowerBound + first,
                    panelPitch: wholeVectors(panel.count))
            }
        }
    }

    /// outputs = weight hidden^T, without the bias. Prefetches the memory of the outputs, which have left the cache
    /// since the last chunk, and then the next rows of weights.
    private func product(_ block: Int) {
        let rows = rows(ofBlock: block)
        let rowsAtOnce = max(Tuning.outputRows, Tuning.current.outputBlockBytes / (H * MemoryLayout<Float>.stride))
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: rowsAtOnce) {
            let count = min(rowsAtOnce, rows.upperBound - first)
            for panel in ColumnPanels(of: steps.count) {
                let width = wholeVectors(panel.count)
                let result = outputs(panel) + first * width
                multiply(
                    rows: count, LeftFactor(rows: layer.weight + first * H, pitch: H, count: H),
                    panel: chunks.hiddenColumns.pointer + H * panel.lowerBound, columns: width, start: .zero,
                    into: ResultRows(result, pitch: width),
                    prefetching: panel.upperBound < steps.count
                        ? .floats(result, count * width) : .floats(layer.weight + (first + count) * H, count * H))
            }
        }
    }

    // MARK: - From outputs to gradients

    /// Gives the raw outputs of all blocks the same factors.
    func level(_ block: Int) {
        for panel in ColumnPanels(of: steps.count) {
            loss.level(outputPanel(panel), rows: rows(ofBlock: block), block: block)
        }
    }

    /// Copies the outputs of a block to `[steps, W]`, row-major.
    func copy(_ block: Int, to result: UnsafeMutablePointer<Float>) {
        for panel in ColumnPanels(of: steps.count) {
            let pitch = wholeVectors(panel.count)
            for row in rows(ofBlock: block) {
                for step in 0..<panel.count {
                    result[(panel.lowerBound + step) * W + row] =
                        outputs(panel)[row * pitch + step] * factors(panel)[step]
                }
            }
        }
    }

    /// Raw outputs become the gradients of the summed loss with respect to the products, but for the factors.
    func makeGradient(_ block: Int) {
        for panel in ColumnPanels(of: steps.count) {
            loss.makeGradient(outputPanel(panel), rows: rows(ofBlock: block))
        }
    }

    // MARK: - Backward

    /// The hidden rows times the factors of the outputs, as panels of H + 1 columns: the last column holds the factors
    /// alone, so that the gradient of the weights contains that of the bias.
    func packHiddenRows() {
        for panel in ColumnPanels.forLeaves(of: H + 1) {
            packScaledRows(
                from: pass.hidden.pointer, pitch: pass.hidden.pitch, width: H, rows: places,
                factors: chunks.factors.pointer, count: steps.count, columns: panel,
                into: chunks.hiddenRows.pointer + steps.count * panel.lowerBound)
        }
    }

    /// gradient of hidden, transposed, in panels of steps `[H, steps]` = (from the second block on, +=) weight^T d.
    /// Prefetches the next d and then the gradients of the weights, or the weights.
    func addGradientOfHidden(_ block: Int) {
        let rows = rows(ofBlock: block)
        let (depth, ahead) = (Tuning.current.hiddenGradientBlock, Tuning.current.hiddenGradientAhead)
        func d(_ panel: Range<Int>) -> UnsafeMutablePointer<Float> {
            outputs(panel) + rows.lowerBound * wholeVectors(panel.count)
        }
        var coming = ColumnPanels(of: steps.count)
        _ = coming.next()
        for panel in ColumnPanels(of: steps.count) {
            let width = wholeVectors(panel.count)
            let next = coming.next().map { Prefetch.floats(d($0), rows.count * wholeVectors($0.count)) }
            for first in stride(from: rows.lowerBound, to: rows.upperBound, by: depth) {
                let count = min(depth, rows.upperBound - first)
                let values = d(panel) + (first - rows.lowerBound) * width
                let isLast = first + count == rows.upperBound
                multiply(
                    rows: H, LeftFactor(columns: layer.weight + first * H, pitch: H, count: count), panel: values,
                    columns: width, start: first > 0 ? .result : .zero,
                    into: ResultRows(chunks.hiddenGradient.pointer + H * panel.lowerBound, pitch: width),
                    prefetching: ahead > 0
                        ? .beside(ahead)
                        : !isLast
                            ? .floats(values + count * width, count * width)
                            : next ?? .floats(layer.weightGradient + rows.lowerBound * H, rows.count * H))
            }
        }
    }

    /// After the last block: the gradient of hidden as rows, at their places.
    func finishGradientOfHidden(_ result: ResultRows) {
        for panel in ColumnPanels(of: steps.count) {
            let gradient = chunks.hiddenGradient.pointer + H * panel.lowerBound
            scaleColumns(gradient, rows: H, columns: wholeVectors(panel.count), by: factors(panel))
            unpackTransposed(
                from: gradient, columns: panel.count, count: H, into: result.pointer, pitch: result.pitch,
                rows: places + panel.lowerBound)
        }
    }

    /// The gradients of a block's rows of weight `[W, H]` and of bias = (or +=) d hidden, for one piece of a sum.
    func gradientOfWeight(_ block: Int, _ number: Int, _ chunk: OutputChunks.Chunk, _ blockStride: Int) {
        let rows = rows(ofBlock: block)
        let piece = chunks.pieces[number]
        let weight = layer.weightGradient + (piece.sum.block * blockStride + rows.lowerBound * H)
        let bias = layer.biasGradient + (piece.sum.block * blockStride + rows.lowerBound)
        let firstStep = piece.steps.lowerBound - chunk.steps.lowerBound
        chunks.withRuns(ofPiece: number - chunk.pieces.lowerBound) { runs in
            let d = LeafFactor(chunks.outputs.pointer, firstRow: rows.lowerBound, step: 1, runs: runs)
            for panel in ColumnPanels.forLeaves(of: H + 1) {
                let packed =
                    chunks.hiddenRows.pointer + steps.count * panel.lowerBound
                    + firstStep * wholeVectors(panel.count)
                guard panel.upperBound > H else {
                    multiplyByLeaves(
                        rows: rows.count, d, panel: packed, columns: panel.count, adding: piece.sum.adds,
                        into: GroupedRows(weight + panel.lowerBound, pitch: H), stack: chunks.stack.pointer)
                    continue
                }
                let lastColumns = GroupedRows(chunks.lastColumns.pointer, pitch: Tuning.leafColumns)
                multiplyByLeaves(
                    rows: rows.count, d, panel: packed, columns: wholeVectors(panel.count), adding: false,
                    into: lastColumns, stack: chunks.stack.pointer)
                for row in 0..<rows.count {
                    let from = lastColumns.pointer + row * lastColumns.pitch
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
