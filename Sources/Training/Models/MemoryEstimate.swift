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
    ///   - sharedBy: how many ranks have parameters, packed weights and optimiser state in common (`StepMemory`); 1: each its own.
    ///   - threads: of a rank; each has gradients and activations of its own.
    package init(
        _ network: NetworkConfiguration, _ options: TrainingConfiguration, _ source: any SequenceSource, slots: Int,
        ranks: Int,
        sharedBy: Int = 1, threads: Int = 1
    ) {
        let H = Double(network.hiddenSize)
        let gates = Double(network.cell.gates)
        let layers = Double(network.layers)
        let input = Double(network.inputSize(ofLayer: 0))
        let width = Double(network.task.output.width)
        var parameters = gates * H * (input + H + 2) + (layers - 1) * gates * H * (2 * H + 2) + width * (H + 1)
        if case .tokens(vocabulary: let vocabulary) = network.task.input { parameters += Double(vocabulary) * input }
        // The recurrent weights are also laid out for the kernels, forward and backward.
        let packed = 2 * layers * gates * H * H
        let shared = (parameters * Double(1 + slots) + packed) / Double(sharedBy)
        let blocks = SumPlan.Rank.mostBlocks(
            ranks: ranks, rows: source.rows(inStep: 0), options.division(threads: threads))
        let tokenSums = options.sumsByTree ? Double(network.tokenSumsCount) : 0
        // The root's copy, from which a checkpoint is written; its host has it once.
        let copy = parameters * Double(1 + slots) / Double(sharedBy > 1 ? sharedBy : ranks)
        parameterBytes = 4 * ((parameters + tokenSums) * Double(blocks) + shared + copy)

        let share = (Double(source.rows(inStep: 0)) / Double(ranks * threads) / Double(options.accumulate)).rounded(.up)
        let rows = share * Double(source.longestWindow)
        let masks = network.dropout > 0 ? 2 * layers * H + input : 0
        // The answers of a chunk of rows, and its hidden rows in three layouts; what a layer's products pack.
        let chunk = Double(
            OutputScratch.mostSteps(Int(rows), width: network.task.output.width, byTree: options.sumsByTree))
        let products = chunk * (width + 3 * H) + rows * (H + max(H, input))
        activationBytes =
            4 * Double(threads) * (rows * (layers * H * (gates + 3) + 2 * max(H, input) + input + masks) + products)
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
