import Kernels
import Tensors

/// The work of an output layer with few outputs on a batch, compiled for one loss: one pass over the hidden rows, a
/// vector of steps at a time.
///
/// Packing panels of steps would cost more than such a product: with 2 classes on 128 hidden units it took a sixteenth
/// of a training step. Legend: S scored steps, H hidden, W outputs, at most `Tuning.narrowWidth`.
struct NarrowHead<L: Loss> {
    private let loss: L
    private let pass: OutputPass
    /// `[W, H]`, rows of whole vectors: the weights, then a leaf's gradients followed by those of the bias, then the
    /// sums that wait.
    private let weights: UnsafeMutablePointer<Float>
    private let sums: UnsafeMutablePointer<Float>
    private let waiting: UnsafeMutablePointer<Float>
    private let pitch: Int
    /// The outputs of one vector of steps: `[W, lanes]`; the loss's memory for them, and their factors.
    private let outputs: UnsafeMutablePointer<Float>
    private let lossMemory: UnsafeMutablePointer<Float>
    private let factors: UnsafeMutablePointer<Float>

    private var layer: OutputLayer { pass.layer }

    /// Floats of the gradients of weights and bias.
    private static func sumCount(hiddenSize: Int, width: Int) -> Int { width * wholeVectors(hiddenSize) + Vector.lanes }
    private var sumCount: Int { Self.sumCount(hiddenSize: layer.hiddenSize, width: loss.width) }
    private var biasSums: UnsafeMutablePointer<Float> { sums + loss.width * pitch }

    /// Floats that it needs for a batch.
    static func memoryCount(_ loss: L, hiddenSize: Int, sequences: Int) -> Int {
        loss.width * (wholeVectors(hiddenSize) + Vector.lanes)
            + (1 + SumTree.mostPending(leaves: sequences)) * sumCount(hiddenSize: hiddenSize, width: loss.width)
            + loss.memoryCount(columns: Vector.lanes, blocks: 1) + Vector.lanes
    }

    init(_ loss: L, _ pass: OutputPass, _ chunks: OutputChunks) {
        let (hiddenSize, width) = (pass.layer.hiddenSize, loss.width)
        let memory = chunks.narrow(
            Self.memoryCount(loss, hiddenSize: hiddenSize, sequences: pass.targets.sequences))
        self.loss = loss
        self.pass = pass
        pitch = wholeVectors(hiddenSize)
        weights = memory
        outputs = weights + width * pitch
        lossMemory = outputs + width * Vector.lanes
        factors = lossMemory + loss.memoryCount(columns: Vector.lanes, blocks: 1)
        sums = factors + Vector.lanes
        waiting = sums + Self.sumCount(hiddenSize: hiddenSize, width: width)
        packColumns(
            from: pass.layer.weight, pitch: hiddenSize, columns: hiddenSize, count: width, into: weights)
    }

    func run(losses: inout [Double]) {
        switch pass.purpose {
        case .scoring: forEachStep(of: 0..<pass.scored.count, losses: &losses) { _, _ in }
        case .training(let wanted):
            for node in wanted.sums.nodes {
                var leaves = Leaves(node.sum, pass.scored)
                clearSums()
                forEachStep(of: pass.scored.steps(of: node.sum.sequences), losses: &losses) { panel, lane in
                    while leaves.end <= panel.firstStep + lane { finishLeaf(&leaves) }
                    loss.makeGradient(ofOutputs: outputs + lane, panel, column: lane)
                    let place = panel.place(lane)
                    backward(
                        pass.hidden.pointer + place * pass.hidden.pitch, outputs + lane,
                        wanted.hiddenGradient.pointer + place * wanted.hiddenGradient.pitch)
                }
                while leaves.left > 0 { finishLeaf(&leaves) }
                put(node.sum, at: node.sum.block * wanted.blockStride)
            }
        }
    }

    /// Computes the outputs of some steps, adds their losses to their sequences', and calls `body` with each step: its
    /// panel, and its lane there.
    private func forEachStep(
        of steps: Range<Int>, losses: inout [Double], _ body: (OutputPanel, _ lane: Int) -> Void
    ) {
        for first in stride(from: steps.lowerBound, to: steps.upperBound, by: Vector.lanes) {
            let panel = OutputPanel(
                values: outputs, columns: min(Vector.lanes, steps.upperBound - first), pitch: Vector.lanes,
                bias: layer.bias, memory: lossMemory, blocks: 1, targets: pass.targets, firstStep: first)
            forward(panel, losses: &losses)
            for lane in 0..<panel.columns {
                if let result = pass.outputs { copy(lane, to: result + (first + lane) * loss.width) }
                body(panel, lane)
            }
        }
    }

    /// outputs = what the loss makes of weights row + bias; adds the losses.
    private func forward(_ panel: OutputPanel, losses: inout [Double]) {
        let places = panel.targets.places.baseAddress! + panel.firstStep  // a panel has a column
        for row in 0..<loss.width {
            products(
                pass.hidden.pointer, pitch: pass.hidden.pitch, rows: places, count: panel.columns,
                weights + row * pitch, columns: pitch
            ).store(to: outputs + row * Vector.lanes)
        }
        loss.forward(panel, rows: 0..<loss.width, block: 0)
        for lane in 0..<panel.columns {
            losses[panel.place(lane) % panel.targets.sequences] += loss.value(panel, column: lane)
        }
        loss.setFactors(of: panel, factors)
        scaleColumns(outputs, rows: loss.width, columns: Vector.lanes, by: factors)
    }

    private func copy(_ lane: Int, to result: UnsafeMutablePointer<Float>) {
        for row in 0..<loss.width { result[row] = outputs[row * Vector.lanes + lane] }
    }

    // MARK: - Gradients

    /// The current leaf of a sum.
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
        /// The step after the leaf's last one.
        var end: Int {
            scored.starts[node.merges == nil ? node.sequences.upperBound : node.sequences.lowerBound + done + 1]
        }
        var merges: Int { node.merges?[done] ?? 0 }
    }

    private func clearSums() { sums.update(repeating: 0, count: sumCount) }

    /// Adds the waiting sums that the leaf merges with, and begins the next leaf, if there is one.
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

    /// gradient of the row = weights^T d; sums of the weights += d row, of the bias += d. The values of d are a vector
    /// apart.
    private func backward(
        _ row: UnsafePointer<Float>, _ d: UnsafePointer<Float>, _ gradient: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<loss.width { biasSums[index] += d[index * Vector.lanes] }
        for x in stride(from: 0, to: pitch, by: Vector.lanes) {
            let hidden = Vector(at: row + x)
            var sum = Vector.zero
            for index in 0..<loss.width {
                let factor = Vector(repeating: d[index * Vector.lanes])
                let place = index * pitch + x
                sum = sum.plus(factor, times: Vector(at: weights + place))
                Vector(at: sums + place).plus(factor, times: hidden).store(to: sums + place)
            }
            sum.store(to: gradient + x)
        }
    }

    /// Stores the sums in their block.
    private func put(_ node: GradientSums.Node, at place: Int) {
        let H = layer.hiddenSize
        for index in 0..<loss.width {
            let gradient = UnsafeMutableBufferPointer(
                start: layer.weightGradient + (place + index * H), count: H)
            if !node.adds { gradient.update(repeating: 0) }
            gradient.add(sums + index * pitch)
            let bias = layer.biasGradient + (place + index)
            bias.pointee = (node.adds ? bias.pointee : 0) + biasSums[index]
        }
    }
}
