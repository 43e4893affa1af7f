package import Tensors

/// The memory of one window of a model: what a forward pass leaves for the backward pass and for the evaluation of its
/// outputs. Each part of the model keeps its own. It grows to the largest window and is then reused.
package final class Workspace {
    let input: InputMemory
    let stack: StackMemory
    let head: HeadMemory
    /// nil: each time step has its own output.
    let pooling: PoolingMemory?
    /// How the gradients of the window are summed.
    private(set) var sums = BatchSums()

    /// - Parameters:
    ///   - keepsOutputs: whether `scoredOutputs` is used: then the outputs of a whole window are kept.
    ///   - stepTokens: of the step over all ranks, where gradients are summed along the tree: they decide whether the
    ///     embedding is folded, and gradient blocks receive the sums of gate gradients by token
    ///     (`FoldedEmbedding.offset`).
    package init(for configuration: NetworkConfiguration, keepsOutputs: Bool, stepTokens: StepTokens? = nil) {
        input = InputMemory(configuration, stepTokens: stepTokens)
        stack = StackMemory(configuration.recurrentLayers, inputPitch: input.pitch)
        head = HeadMemory(configuration.output, keepsOutputs: keepsOutputs)
        pooling = configuration.pooling.map {
            PoolingMemory($0, hiddenSize: configuration.hiddenSize, directions: configuration.directions)
        }
    }

    /// Floats that a workspace needs for training on windows of this shape.
    ///
    /// - Parameter byTree: whether gradients are summed along the tree.
    package static func floatCount(
        for configuration: NetworkConfiguration, window: Int, sequences: Int, byTree: Bool, keepsOutputs: Bool
    ) -> Int {
        let withDropout = configuration.dropout > 0
        return InputMemory.floatCount(configuration, rows: window * sequences, byTree: byTree)
            + StackMemory.floatCount(
                configuration.recurrentLayers, inputPitch: InputMemory.pitch(configuration.embedding), window: window,
                sequences: sequences, withDropout: withDropout)
            + HeadMemory.floatCount(
                configuration.output, window: configuration.pooling == nil ? window : 1, sequences: sequences,
                byTree: byTree, keepsOutputs: keepsOutputs)
            + (configuration.pooling == nil
                ? 0
                : PoolingMemory.floatCount(
                    hiddenSize: configuration.hiddenSize, directions: configuration.directions, sequences: sequences))
    }

    /// The outputs at the scored steps of the last window: probabilities of classes, or values.
    package var scoredOutputs: ScoredOutputs { head.scoredOutputs }

    /// The summed loss of each sequence of the last window, in Double.
    package var sequenceLosses: [Double] { head.losses }

    /// Rows that the first layer's products with the input had: the window's steps, or the distinct tokens of a folded
    /// embedding.
    package var inputRows: Int { input.inputRows }

    /// Makes the memory large enough for a batch and lists its tokens and scored steps.
    ///
    /// - Parameter sums: how gradients are summed; nil: no gradients.
    func prepare(for batch: Batch, withDropout: Bool, _ sums: GradientSums?) {
        stack.prepare(window: batch.window, sequences: batch.sequences, withDropout: withDropout)
        input.prepare(for: batch, capacity: stack.rowCapacity, withDropout: withDropout, sums)
        head.prepare(for: batch)
        pooling?.prepare(sequences: batch.sequences)
        if let sums { self.sums.prepare(sums, window: batch.window) }
    }
}
