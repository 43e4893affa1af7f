import Optimization
import Reduction
import Tensors

/// An update by a rule that needs the norms of whole tensors: each rank measures its chunks, the ranks that share
/// parameters meet, and each adds up the chunks of a tensor in order. So the factors have the same bits on every rank.
struct TensorwiseUpdate {
    private let rule: any TensorwiseRule
    private let memory: StepMemory
    private let reduction: StepReduction
    /// The factor of each tensor in this update.
    private var factors: [Double]

    /// nil for a rule that works element by element.
    init?(_ rule: any UpdateRule, _ memory: StepMemory, _ reduction: StepReduction) {
        guard let rule = rule as? any TensorwiseRule else { return nil }
        self.rule = rule
        self.memory = memory
        self.reduction = reduction
        factors = memory.chunkSums.chunks.ofTensors.map { _ in 1 }
    }

    /// Changes this rank's parameters. Collective over the host, if its ranks share parameters.
    mutating func change(by optimizer: Optimizer, scale: Float, rate: Double) throws {
        let (sums, gradients, chunks) = (memory.chunkSums, memory.gradients.memory, memory.chunkSums.chunks)
        reduction.forEachLocalChunk { chunk, floats in
            let squares = optimizer.measure(
                rule, memory.parameters, with: gradients, in: floats, scale: scale, rate: rate)
            sums[.parameterSquares, chunk] = squares.parameters
            sums[.directionSquares, chunk] = squares.directions
        }
        try reduction.meet()
        for (tensor, subset) in chunks.ofTensors.enumerated() {
            factors[tensor] = rule.factor(
                TensorSquares(
                    parameters: sums.total(.parameterSquares, of: subset),
                    directions: sums.total(.directionSquares, of: subset)))
        }
        reduction.forEachLocalChunk { chunk, floats in
            optimizer.change(
                memory.parameters, with: gradients, in: floats, scale: scale,
                rate: rate * factors[chunks.tensors[chunk]])
        }
    }
}
