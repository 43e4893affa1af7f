import Kernels
import Tensors

/// The chunks in which an output layer works through the scored steps of a window, and the memory for one chunk.
///
/// A chunk's outputs are in memory at once: at most `Tuning.logitBytes` of them, unless a sum along the tree needs
/// more. Within a chunk the gradients are summed piece by piece: a piece is one of the window's sums, or a part of it.
/// A sum of more steps than a chunk is made of its two halves, of which the second is added to the first. The memory
/// grows to the largest chunk.
package final class OutputChunks {
    /// One of the sums, or a part of it, that one chunk gives.
    struct Piece {
        let sum: GradientSums.Node
        /// Among all scored steps.
        let steps: Range<Int>
    }

    struct Chunk {
        let steps: Range<Int>
        /// Among `pieces`.
        let pieces: Range<Int>
    }

    private(set) var pieces: [Piece] = []
    private(set) var chunks: [Chunk] = []

    /// Panels of steps `[W, steps]`: products, raw outputs, then gradients but for their factors.
    private(set) var outputs = FloatBlock(count: 0)
    /// Each panel's memory for the loss.
    private(set) var lossMemory = FloatBlock(count: 0)
    /// `[steps]`: the factors of each step's outputs (`Loss.setFactors`).
    private(set) var factors = FloatBlock(count: 0)
    /// Panels of steps `[H, steps]`: the hidden rows, transposed.
    private(set) var hiddenColumns = FloatBlock(count: 0)
    /// Panels of H + 1 columns `[steps, columns]`: the hidden rows times their factors, and these.
    private(set) var hiddenRows = FloatBlock(count: 0)
    /// Panels of steps `[H, steps]`: the gradient of the hidden rows, transposed.
    private(set) var hiddenGradient = FloatBlock(count: 0)
    /// A block's gradients of the weights' last columns and of the bias.
    private(set) var lastColumns = FloatBlock(count: 0)
    /// Of a loss of whole sequences.
    let chain = ChainMemory()
    /// Sums that wait for others.
    let stack = FloatBlock(count: leafStackCount)
    /// The runs of all pieces of the chunk, and the end of each piece's.
    private var runs: [LeafRun] = []
    private var ends: [Int] = []

    // MARK: - Division into chunks

    /// For losses alone: no pieces.
    ///
    /// - Parameter asOne: all steps are in one chunk, for a loss of whole sequences.
    func divide(steps: Int, width: Int, asOne: Bool) {
        pieces.removeAll(keepingCapacity: true)
        chunks.removeAll(keepingCapacity: true)
        let length = asOne ? steps : Self.length(steps, width)
        for first in stride(from: 0, to: steps, by: length) {
            chunks.append(Chunk(steps: first..<min(first + length, steps), pieces: 0..<0))
        }
    }

    /// For gradients.
    ///
    /// - Parameter asOne: as above.
    func divide(_ sums: BatchSums, _ scored: ScoredSteps, width: Int, asOne: Bool) {
        pieces.removeAll(keepingCapacity: true)
        chunks.removeAll(keepingCapacity: true)
        if asOne {
            for node in sums.nodes {
                pieces.append(Piece(sum: node.sum, steps: scored.steps(of: node.sum.sequences)))
            }
            return chunks.append(Chunk(steps: 0..<scored.count, pieces: 0..<pieces.count))
        }
        for node in sums.nodes { cut(node.sum, scored, width) }
        let most = Self.most(width)
        var first = 0
        for (index, piece) in pieces.enumerated() {
            let steps = pieces[first].steps.lowerBound..<piece.steps.upperBound
            let next = index + 1 < pieces.count ? pieces[index + 1].steps.count : Int.max / 2
            guard steps.count + next > most else { continue }
            chunks.append(Chunk(steps: steps, pieces: first..<index + 1))
            first = index + 1
        }
    }

    private func cut(_ node: GradientSums.Node, _ scored: ScoredSteps, _ width: Int) {
        let steps = scored.steps(of: node.sequences)
        guard node.merges != nil else {
            let length = Self.length(steps.count, width)
            for first in stride(from: steps.lowerBound, to: max(steps.upperBound, steps.lowerBound + 1), by: length) {
                let part = GradientSums.Node(
                    sequences: node.sequences, merges: nil, block: node.block,
                    adds: node.adds || first > steps.lowerBound)
                pieces.append(Piece(sum: part, steps: first..<min(first + length, steps.upperBound)))
            }
            return
        }
        guard steps.count > Self.most(width), !node.adds, node.sequences.count > 1 else {
            return pieces.append(Piece(sum: node, steps: steps))
        }
        let middle = SumTree.middle(node.sequences)
        for half in [node.sequences.lowerBound..<middle, middle..<node.sequences.upperBound] {
            let part = GradientSums.node(half, first: 0, block: node.block, adds: half.lowerBound == middle)
            pieces.append(Piece(sum: part, steps: scored.steps(of: half)))
        }
    }

    private static func most(_ width: Int) -> Int {
        max(Tuning.tileColumns, Tuning.logitBytes / MemoryLayout<Float>.stride / width)
    }

    /// Steps of a chunk: what `Tuning.logitBytes` hold, in chunks of nearly equal size and whole panels.
    private static func length(_ steps: Int, _ width: Int) -> Int {
        let most = most(width)
        let chunks = max(1, (steps + most - 1) / most)
        let panel = Tuning.tileColumns
        return max(panel, ((steps + chunks - 1) / chunks + panel - 1) / panel * panel)
    }

    /// The most steps of a chunk, in windows of `steps` scored steps.
    private static func mostSteps(_ steps: Int, width: Int, byTree: Bool) -> Int {
        min(steps, max(most(width), byTree ? (steps + 1) / 2 : 0))
    }

    // MARK: - Memory

    /// Floats of the blocks for a chunk.
    private struct Counts {
        let outputs: Int
        let lossMemory: Int
        let factors: Int
        let hiddenColumns: Int
        let hiddenRows: Int
        let hiddenGradient: Int
        let lastColumns: Int

        init(steps: Int, hiddenSize: Int, _ loss: some Loss) {
            let width = loss.width
            outputs = wholeVectors(steps) * width
            lossMemory = loss.memoryCount(columns: steps, blocks: OutputBlocks.count(width: width))
            factors = wholeVectors(steps)
            hiddenColumns = wholeVectors(steps) * hiddenSize
            hiddenRows = steps * wholeVectors(hiddenSize + 1)
            hiddenGradient = wholeVectors(steps) * hiddenSize
            lastColumns = OutputBlocks.length(width: width) * Tuning.leafColumns
        }

        var all: Int { outputs + lossMemory + factors + hiddenColumns + hiddenRows + hiddenGradient + lastColumns }
    }

    /// Floats of the memory for windows of `steps` scored steps in training.
    static func floatCount(_ part: OutputPart, steps: Int, sequences: Int, byTree: Bool) -> Int {
        func count(_ loss: some Loss) -> Int {
            if let loss = loss as? any SequenceLoss {
                return Counts(steps: steps, hiddenSize: part.hiddenSize, loss).all
                    + loss.floatCount(longest: (steps + sequences - 1) / max(sequences, 1), sequences: sequences)
            }
            if loss.width <= Tuning.narrowWidth {
                return NarrowHead.memoryCount(loss, hiddenSize: part.hiddenSize, sequences: sequences)
            }
            let most = mostSteps(steps, width: loss.width, byTree: byTree)
            return Counts(steps: most, hiddenSize: part.hiddenSize, loss).all
        }
        return leafStackCount + count(part.loss)
    }

    /// Makes the memory large enough for a chunk, and lists the runs of its pieces.
    func prepare(_ chunk: Chunk, hiddenSize: Int, _ loss: some Loss, _ scored: ScoredSteps) {
        let counts = Counts(steps: chunk.steps.count, hiddenSize: hiddenSize, loss)
        grow(&outputs, counts.outputs)
        grow(&lossMemory, counts.lossMemory)
        grow(&factors, counts.factors)
        grow(&hiddenColumns, counts.hiddenColumns)
        runs.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        guard !chunk.pieces.isEmpty else { return }
        grow(&hiddenGradient, counts.hiddenGradient)
        grow(&hiddenRows, counts.hiddenRows)
        grow(&lastColumns, counts.lastColumns)
        for piece in chunk.pieces {
            appendRuns(of: pieces[piece], scored, in: chunk.steps, width: loss.width)
            ends.append(runs.count)
        }
    }

    /// Memory for `NarrowHead`.
    func narrow(_ count: Int) -> UnsafeMutablePointer<Float> {
        grow(&outputs, count)
        return outputs.pointer
    }

    private func grow(_ block: inout FloatBlock, _ count: Int) {
        if block.count < count { block = FloatBlock(count: count) }
    }

    // MARK: - Runs

    /// Calls `body` with the runs of a piece, counted from the chunk's first.
    func withRuns(ofPiece piece: Int, _ body: (UnsafeBufferPointer<LeafRun>) -> Void) {
        runs.withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[(piece > 0 ? ends[piece - 1] : 0)..<ends[piece]]))
        }
    }

    /// How a piece's steps are summed in a chunk whose outputs are stored in panels of steps `[width, steps]`.
    private func appendRuns(of piece: Piece, _ scored: ScoredSteps, in chunk: Range<Int>, width: Int) {
        guard let merges = piece.sum.merges else {
            return appendLeaf(piece.steps, merges: 0, in: chunk, width: width)
        }
        for (sequence, merges) in zip(piece.sum.sequences, merges) {
            appendLeaf(scored.steps(of: sequence..<sequence + 1), merges: merges, in: chunk, width: width)
        }
    }

    private func appendLeaf(_ steps: Range<Int>, merges: Int, in chunk: Range<Int>, width: Int) {
        let leaf = steps.lowerBound - chunk.lowerBound..<steps.upperBound - chunk.lowerBound
        guard !leaf.isEmpty else { return runs.append(LeafRun(offset: 0, steps: 0, merges: merges)) }
        for panel in ColumnPanels(of: chunk.count) {
            let shared = panel.clamped(to: leaf)
            guard !shared.isEmpty else { continue }
            runs.append(
                LeafRun(
                    offset: width * panel.lowerBound + shared.lowerBound - panel.lowerBound,
                    rowStride: wholeVectors(panel.count), steps: shared.count,
                    merges: shared.upperBound == leaf.upperBound ? merges : LeafRun.continues))
        }
    }
}
