import Kernels
import Tensors

/// The order in which the output layer works through the scored steps of a window: chunk by chunk, and within a chunk the
/// gradients piece by piece.
///
/// A chunk's outputs are in memory at once: at most `Tuning.logitBytes` of them, unless a sum along the tree needs more. A sum of
/// more steps than that is made of its two halves, of which the second is added to the first.
struct OutputPlan {
    /// One of the sums, or a part of it, that one chunk gives.
    struct Piece {
        let sum: GradientSums.Node
        /// Among all scored steps.
        let steps: Range<Int>
    }

    struct Chunk {
        let steps: Range<Int>
        let pieces: Range<Int>
    }

    private(set) var pieces: [Piece] = []
    private(set) var chunks: [Chunk] = []

    /// For losses alone: no pieces.
    mutating func prepare(steps: Int, width: Int) {
        pieces.removeAll(keepingCapacity: true)
        chunks.removeAll(keepingCapacity: true)
        let length = Self.length(steps, width)
        for first in stride(from: 0, to: steps, by: length) {
            chunks.append(Chunk(steps: first..<min(first + length, steps), pieces: 0..<0))
        }
    }

    /// For gradients.
    mutating func prepare(_ sums: BatchSums, _ scored: ScoredSteps, width: Int) {
        pieces.removeAll(keepingCapacity: true)
        chunks.removeAll(keepingCapacity: true)
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

    private mutating func cut(_ node: GradientSums.Node, _ scored: ScoredSteps, _ width: Int) {
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

    /// Steps of a chunk: as many as the bytes for logits hold, in chunks of like size and whole panels.
    private static func length(_ steps: Int, _ width: Int) -> Int {
        let most = most(width)
        let chunks = max(1, (steps + most - 1) / most)
        let panel = Tuning.tileColumns
        return max(panel, ((steps + chunks - 1) / chunks + panel - 1) / panel * panel)
    }

    /// The most steps of a chunk that a window of so many can have.
    static func mostSteps(_ steps: Int, width: Int, byTree: Bool) -> Int {
        min(steps, max(most(width), byTree ? (steps + 1) / 2 : 0))
    }

    /// How a piece's steps are summed in a chunk whose outputs are stored in panels of steps `[width, steps]`.
    static func appendRuns(
        of piece: Piece, _ scored: ScoredSteps, in chunk: Range<Int>, width: Int, to runs: inout [LeafRun]
    ) {
        guard let merges = piece.sum.merges else {
            return appendLeaf(piece.steps, merges: 0, in: chunk, width: width, to: &runs)
        }
        for (sequence, merges) in zip(piece.sum.sequences, merges) {
            appendLeaf(
                scored.steps(of: sequence..<sequence + 1), merges: merges, in: chunk, width: width, to: &runs)
        }
    }

    private static func appendLeaf(
        _ steps: Range<Int>, merges: Int, in chunk: Range<Int>, width: Int, to runs: inout [LeafRun]
    ) {
        let leaf = steps.lowerBound - chunk.lowerBound..<steps.upperBound - chunk.lowerBound
        guard !leaf.isEmpty else { return runs.append(LeafRun(offset: 0, steps: 0, merges: merges)) }
        for panel in ColumnPanels(of: chunk.count) {
            let some = panel.clamped(to: leaf)
            guard !some.isEmpty else { continue }
            runs.append(
                LeafRun(
                    offset: width * panel.lowerBound + some.lowerBound - panel.lowerBound,
                    rowStride: wholeVectors(panel.count), steps: some.count,
                    merges: some.upperBound == leaf.upperBound ? merges : LeafRun.continues))
        }
    }
}
