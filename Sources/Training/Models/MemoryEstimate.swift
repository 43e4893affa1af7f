import Kernels
package import Recurrent
import Reduction
package import Sequences
import System
import Tensors

/// The memory that a rank will need for weights and activations, to be said before a training starts and fails.
package struct MemoryEstimate: Sendable {
    /// Bytes of parameters, gradients and optimiser state: of what ranks have in common, a rank's part.
    package let parameterBytes: Double
    /// Bytes of the activations of a window.
    package let activationBytes: Double
    private let sizes: String
    private let cures: String

    /// - Parameters:
    ///   - ranks: of the whole job.
    ///   - sharedBy: how many ranks have parameters, packed weights and optimiser state in common (`StepMemory`); 1: each
    ///     its own.
    ///   - threads: of a rank; each has its own gradients and activations.
    ///   - keepsOutputs: whether outputs are kept for the task's criterion.
    package init(
        _ network: NetworkConfiguration, _ options: TrainingConfiguration, _ source: any SequenceSource, slots: Int,
        ranks: Int, sharedBy: Int = 1, threads: Int = 1, keepsOutputs: Bool = false
    ) {
        let parameters = Double(network.layout.count)
        let shared = (parameters * Double(1 + slots) + Double(network.packedCount)) / Double(sharedBy)
        let blocks = SumPlan.Rank.mostBlocks(
            ranks: ranks, rows: source.rows(inStep: 0), options.division(threads: threads))
        let gradients = Double(network.gradientStride(byTree: options.sumsByTree)) * Double(blocks)
        // The root's copy, from which a checkpoint is written; its host has it once.
        let copy = parameters * Double(1 + slots) / Double(sharedBy > 1 ? sharedBy : ranks)
        parameterBytes = 4 * (gradients + shared + copy)

        let share = (Double(source.rows(inStep: 0)) / Double(ranks * threads) / Double(options.accumulate)).rounded(.up)
        // Beyond 2^32 rows the memory is proportional to the rows, and their count might overflow.
        let counted = max(1, min(share, (0x1p32 / Double(source.longestWindow)).rounded(.down)))
        let floats = Workspace.floatCount(
            for: network, window: source.longestWindow, sequences: Int(counted), byTree: options.sumsByTree,
            keepsOutputs: keepsOutputs)
        activationBytes = 4 * Double(threads) * Double(floats) * (share / counted)
        cures =
            "a smaller model, training.batch or training.window" + (threads > 1 ? ", or fewer --threads-per-rank" : "")
        sizes = "model.hidden \(network.hiddenSize) and model.layers \(network.layers)"
    }

    package var totalBytes: Double { parameterBytes + activationBytes }

    /// - Throws: a `CommandError` when the host doesn't have that much memory for all its ranks.
    package func check(ranksOnHost: Int = 1) throws {
        let memory = HostMemory.physical
        guard totalBytes * Double(ranksOnHost) > memory else { return }
        let ofAll =
            ranksOnHost == 1
            ? " and" : ", \(byteCount(totalBytes * Double(ranksOnHost))) for the \(ranksOnHost) ranks of a host, and"
        throw CommandError.usage(
            "\(sizes) need \(byteCount(totalBytes)) of memory a rank (weights and optimiser "
                + "\(byteCount(parameterBytes)), activations \(byteCount(activationBytes)))\(ofAll) this host has "
                + "\(byteCount(memory)); accepted: \(cures)")
    }
}
