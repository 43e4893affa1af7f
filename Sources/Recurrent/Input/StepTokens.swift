package import Tensors

/// The distinct tokens of a step over all ranks, where gradients are summed along the tree: the gate gradients of the
/// first layer are summed for each token, then over the ranks, before the products with the embedding
/// (`FoldedEmbedding`).
package final class StepTokens {
    /// Ascending.
    package private(set) var tokens: [Int32] = []
    /// The index in `tokens` of each token of the vocabulary; undefined for tokens that do not occur.
    private(set) var indices: [Int32]
    /// Whether the embedding is folded in this step.
    package private(set) var isFolded = false
    private let fold: FoldedEmbedding?

    /// - Parameter fold: nil: never folded.
    package init(vocabulary: Int, _ fold: FoldedEmbedding?) {
        self.fold = fold
        indices = [Int32](repeating: 0, count: vocabulary)
        tokens.reserveCapacity(vocabulary)
    }

    /// - Parameters:
    ///   - set: the tokens of all ranks.
    ///   - steps: time steps of all ranks' sequences.
    package func take(_ set: RowSet, steps: Int) {
        tokens.removeAll(keepingCapacity: true)
        set.forEachRun(in: 0..<set.rows) { run in
            for token in run {
                indices[token] = Int32(truncatingIfNeeded: tokens.count)
                tokens.append(Int32(truncatingIfNeeded: token))
            }
        }
        isFolded = fold.map { tokens.count <= $0.mostTokens(stepsOfAllRanks: steps) } ?? false
    }
}
