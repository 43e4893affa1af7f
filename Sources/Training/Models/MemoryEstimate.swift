import Kernels
package import Recurrent
import Reduction
package import Sequences
import System
import Tensors

/// An estimate of a rank's memory for weights, activations and validation, made before training starts.
package struct MemoryEstimate: Sendable {
    /// Bytes of parameters, gradients and optimiser state; for shared memory, a rank's part.
    package let parameterBytes: Double
    /// Bytes of the activations of a window.
    package let activationBytes: Double
    /// Bytes that validations need in addition; 0 without validation.
    package let scoringBytes: Double
    /// Of training data that is kept in memory.
    private let dataBytes: Double
    private let sizes: String
    private let remedies: String

    /// - Parameters:
    ///   - ranks: the number of ranks of the job.
    ///   - sharedBy: the number of ranks that share parameters, packed weights and optimiser state (`StepMemory`); 1:
    ///     not shared.
    ///   - threads: the number of threads of a rank; each has its own gradients and activations.
    ///   - keepsOutputs: whether outputs are kept for the task's criterion.
    ///   - scoring: the memory of validations, which is separate; nil without validation.
    package init(
        _ network: NetworkConfiguration, _ options: TrainingConfiguration, _ source: any SequenceSource, slots: Int,
        ranks: Int, sharedBy: Int = 1, threads: Int = 1, keepsOutputs: Bool = false,
        scoring: ScoringMemory? = nil
    ) {
        let parameters = Double(network.layout.count)
        let shared = (parameters * Double(1 + slots) + Double(network.packedCount)) / Double(sharedBy)
        let blocks = SumPlan.Rank.mostBlocks(
            ranks: ranks, rows: source.rows(inStep: 0), options.division(threads: threads))
        let gradients = Double(network.gradientStride(byTree: options.sumsByTree)) * Double(blocks)
        // The root's snapshot, from which a checkpoint is written; its host has it once.
        let copy = parameters * Double(1 + slots) / Double(sharedBy > 1 ? sharedBy : ranks)
        parameterBytes = 4 * (gradients + shared + copy)

        let share = (Double(source.rows(inStep: 0)) / Double(ranks * threads) / Double(options.accumulate)).rounded(.up)
        let floats = ScoringMemory.floats(window: source.longestWindow, sequences: share) {
            Workspace.floatCount(
                for: network, window: source.longestWindow, sequences: $0, byTree: options.sumsByTree,
                keepsOutputs: keepsOutputs)
        }
        activationBytes = 4 * Double(threads) * floats
        dataBytes = Double(source.memoryBytes)
        scoringBytes = scoring?.bytes ?? 0
        remedies =
            "a smaller model, training.batch or training.window" + (scoring == nil ? "" : ", or validation.batch")
            + (threads > 1 ? ", or fewer --threads-per-rank" : "")
        sizes = "model.hidden \(network.hiddenSize) and model.layers \(network.layers)"
    }

    package var totalBytes: Double { parameterBytes + activationBytes + scoringBytes + dataBytes }

    /// - Throws: a `CommandError` if the host, or the job's control group there, has too little memory for all its
    ///   ranks.
    package func check(ranksOnHost: Int = 1) throws {
        let limit = MemoryLimit.current
        guard totalBytes * Double(ranksOnHost) > limit.bytes else { return }
        let total =
            ranksOnHost == 1
            ? ", but" : ", \(byteCount(totalBytes * Double(ranksOnHost))) for the \(ranksOnHost) ranks of a host, but"
        throw CommandError.usage(
            "\(sizes) need \(byteCount(totalBytes)) of memory per rank (weights and optimiser "
                + "\(byteCount(parameterBytes)), activations \(byteCount(activationBytes))"
                + (dataBytes > 0 ? ", training data \(byteCount(dataBytes))" : "")
                + (scoringBytes > 0 ? ", validation \(byteCount(scoringBytes))" : "")
                + ")\(total) \(limit.description); use \(remedies)")
    }
}
