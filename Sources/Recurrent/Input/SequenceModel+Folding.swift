import Kernels
import Tensors

/// A thread's memory for the products computed from sums of gate gradients by token.
package final class TokenProducts {
    fileprivate let scratch: LayerScratch
    /// `[D, E]`: the tokens' embeddings, or their gradients.
    fileprivate let rows: FloatBlock
    fileprivate let pitch: Int

    package init(_ configuration: NetworkConfiguration) {
        let most = configuration.foldedEmbedding?.mostExchanged ?? 0
        scratch = LayerScratch(configuration.recurrentLayers, rows: most) { FloatBlock(count: $0) }
        pitch = Tuning.rowPitch(configuration.embeddingSize)
        rows = FloatBlock(count: most * pitch)
    }
}

extension SequenceModel {
    /// Tiles of the first layer's gates: the units that `setInputWeightGradient` is divided into.
    package var inputTiles: Int { stack.layers[0].layout.tiles }

    /// Computes the gradient of the first layer's input weights, for some tiles, from the sums of their gate gradients.
    ///
    /// - Parameter block: a gradient block; the sums follow the gradients in it.
    package func setInputWeightGradient(
        ofTiles tiles: Range<Int>, _ tokens: StepTokens, in block: UnsafeMutablePointer<Float>,
        _ products: TokenProducts
    ) {
        guard let embedding, let fold = configuration.foldedEmbedding, !tiles.isEmpty else { return }
        embedding.forward(tokens.tokens, into: products.rows.pointer, pitch: products.pitch)
        let layer = stack.layers[0]
        layer.inputWeightGradient(
            block + fold.offset,
            InputRows(
                products.rows.pointer, pitch: products.pitch, columns: configuration.embeddingSize,
                count: tokens.tokens.count), tiles: tiles,
            into: block + (layer.gradients.inputWeight - gradients.pointer), adding: false, products.scratch)
    }

    /// Computes the gradient of the embedding, for some of the step's tokens, from the sums of gate gradients of all
    /// tiles. Other rows are not changed.
    package func setEmbeddingGradient(
        ofTokens subset: Range<Int>, _ tokens: StepTokens, in block: UnsafeMutablePointer<Float>,
        _ products: TokenProducts
    ) {
        guard let embedding, let fold = configuration.foldedEmbedding, !subset.isEmpty else { return }
        stack.layers[0].gradientOfInput(
            block + fold.offset, subset, of: tokens.tokens.count,
            into: ResultRows(products.rows.pointer, pitch: products.pitch), products.scratch)
        for (index, token) in tokens.tokens[subset].enumerated() {
            (block + Int(token) * embedding.size).update(
                from: products.rows.pointer + index * products.pitch, count: embedding.size)
        }
    }
}
