import Kernels
import Tensors

/// What the tensor of an embedding follows from. Legend: V vocabulary, E width.
struct EmbeddingPart: ModelPart {
    /// V.
    let vocabulary: Int
    /// E.
    let size: Int

    var parameters: [ParameterSpec] { [ParameterSpec("embedding.weight", [vocabulary, size])] }
}

/// The embedding `[V, E]`: one row per token.
struct Embedding {
    let weight: UnsafeMutablePointer<Float>
    let gradient: UnsafeMutablePointer<Float>
    /// For each gradient block, the rows that hold values.
    let gradientRows: [GradientRows]
    /// Floats from a gradient block to the next.
    let blockStride: Int
    let vocabulary: Int
    let size: Int
    /// Whether the gradient is added to the output layer's part, which is there already.
    let addsToOutput: Bool
    /// Whether a step may reach only some rows of the gradient.
    private let hasRows: Bool

    /// - Parameter tensors: where the part's tensor is in both blocks; the gradient is at its block's start.
    init(
        _ part: EmbeddingPart, at tensors: ArraySlice<TensorLayout.Tensor>, parameters: FloatBlock,
        gradients: FloatBlock, gradientRows: [GradientRows], blockStride: Int, addsToOutput: Bool
    ) {
        let offset = tensors[tensors.startIndex].offset
        precondition(offset == 0, "the embedding is the first tensor")
        weight = parameters.pointer + offset
        gradient = gradients.pointer + offset
        self.gradientRows = gradientRows
        self.blockStride = blockStride
        vocabulary = part.vocabulary
        size = part.size
        self.addsToOutput = addsToOutput
        hasRows = gradientRows.contains { $0.touched.rows > 0 }
    }

    /// output = the rows of the tokens, `pitch` floats apart.
    func forward(_ tokens: [Int32], into output: UnsafeMutablePointer<Float>, pitch: Int) {
        for (row, token) in tokens.enumerated() {
            (output + row * pitch).update(from: weight + Int(token) * size, count: size)
        }
    }

    /// A row of the gradient; marks it as touched.
    private func row(_ token: Int32, ofBlock block: Int) -> UnsafeMutablePointer<Float> {
        if hasRows { gradientRows[block].touch(Int(token)) }
        return gradient + block * blockStride + Int(token) * size
    }

    /// Clears the gradient in a block.
    func clear(block: Int) {
        let start = gradient + block * blockStride
        if hasRows { gradientRows[block].clear(start) } else { start.update(repeating: 0, count: vocabulary * size) }
    }

    /// Sums the gradients of each token's steps, over the sequences of a sum. Rows of other tokens are not touched,
    /// unless they must be cleared.
    ///
    /// - Parameters:
    ///   - tokens: the distinct tokens of `sums`.
    ///   - outputGradient: `[T B, E]`.
    func backward(
        _ tokens: [Int32], _ sums: TokenSums, _ node: GradientSums.Node, _ outputGradient: ResultRows,
        stack: UnsafeMutablePointer<Float>
    ) {
        if !node.adds, !addsToOutput { clear(block: node.block) }
        sums.sum(
            outputGradient.pointer, pitch: outputGradient.pitch, columns: size, adding: true, stack: stack
        ) { row(tokens[$0], ofBlock: node.block) }
    }

    /// Adds rows that already are sums, one per token, to the first block.
    func backward(_ tokens: [Int32], _ outputGradient: ResultRows, adding: Bool) {
        if !adding { clear(block: 0) }
        for (index, token) in tokens.enumerated() {
            UnsafeMutableBufferPointer(start: row(token, ofBlock: 0), count: size)
                .add(outputGradient.pointer + index * outputGradient.pitch)
        }
    }
}
