import Kernels
import Tensors

/// The embedding folded into the first layer, where there are few distinct tokens: E W_x + b is computed once for each
/// token, and each time step copies its token's row. Backward, the gate gradients of each token's steps are summed
/// before the products with W_x and with the embedding. Exact, and it saves most of both products.
///
/// Without tree sums, the tokens are those of a window (`DistinctTokens`), and the products follow at once. With tree
/// sums they are those of the step over all ranks (`StepTokens`): gradient blocks receive the sums by token, behind the
/// gradients, and the products follow the sum over the ranks (`SequenceModel.setInputWeightGradient`).
///
/// Only a pass without dropout can fold: dropout makes the row of each time step another one.
package struct FoldedEmbedding: Sendable {
    /// The gradients that are derived from the sums by token: of the embedding and of the first input weights.
    let derived: Range<Int>
    /// Where in a gradient block the sums by token begin: after the gradients.
    let offset: Int
    private let embedding: EmbeddingPart
    private let gates: GateLayout
    /// Share of a step's operations that is in the first layer's products with the input.
    private let inputShare: Double

    /// - Parameter layer: the first layer, which alone reads the embedding.
    init(_ embedding: EmbeddingPart, _ layer: LayerPart, _ layout: ModelLayout, inputShare: Double) {
        let ranges = layout.finishingRanges(withInput: 1)
        derived = ranges[ranges.count - 1]
        offset = TensorLayout.wholeLines(layout.tensors.count)
        self.embedding = embedding
        gates = layer.gateLayout
        self.inputShare = inputShare
    }

    /// The largest number of distinct tokens with which folding pays: it skips `Tuning.leastFoldedSaving` of the
    /// operations.
    func mostTokens(steps: Int) -> Int {
        max(0, min(embedding.vocabulary, Int(Double(steps) * (1 - Tuning.leastFoldedSaving / inputShare))))
    }

    /// As above, of a step over all ranks: exchanging their sums must also cost less than exchanging both gradients.
    func mostTokens(stepsOfAllRanks steps: Int) -> Int { min(mostTokens(steps: steps), mostExchanged) }

    /// The largest number of tokens over all ranks that gradient blocks have memory for.
    var mostExchanged: Int { min(embedding.vocabulary, 2 * embedding.size) }

    /// Floats of the gates of some tokens: whole tiles `[tokens, GateLayout.width]`.
    func gateFloats(tokens: Int) -> Int { gates.tiles * tokens * GateLayout.width }

    /// Where in a gradient block the sums of the step's tokens are.
    func sums(_ tokens: StepTokens) -> Range<Int> { sums(tokens, ofTiles: 0..<gates.tiles) }

    /// As above, for some tiles.
    package func sums(_ tokens: StepTokens, ofTiles tiles: Range<Int>) -> Range<Int> {
        let tile = tokens.tokens.count * GateLayout.width
        return offset + tiles.lowerBound * tile..<offset + tiles.upperBound * tile
    }
}
