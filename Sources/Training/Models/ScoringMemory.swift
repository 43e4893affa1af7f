package import Recurrent
package import Sequences
import System
import Tensors

/// An estimate of the memory that a rank's `Evaluator` needs for a split.
package struct ScoringMemory: Sendable {
    package let bytes: Double

    /// - Parameters:
    ///   - ranks: the number of ranks that share the sequences; 1 if rank 0 scores alone.
    ///   - threads: the number of threads of a rank; each has its own activations.
    package init(
        _ network: NetworkConfiguration, _ task: any SequenceTask, _ source: any SequenceSource, ranks: Int,
        threads: Int = 1
    ) {
        let rows = Double(source.rows(inStep: 0))
        let window = Double(source.longestWindow)
        let share = (rows / Double(ranks * threads)).rounded(.up)
        let floats = Self.floats(window: source.longestWindow, sequences: share) {
            Workspace.floatCount(
                for: network, window: source.longestWindow, sequences: $0, byTree: false,
                keepsOutputs: task.sumCount > 0)
        }
        // The batch, and the sequences that it is copied from.
        let perStep = Double(Self.width(of: task.shape))
        let batch = (source.carriesState ? 1 : 2) * perStep * window * share
        // h and c of all sequences; loss and scored steps of each.
        let state = 2 * Double(network.layers) * Double(network.hiddenSize) * rows
        let units = source.carriesState ? rows : rows * Double(source.stepsPerEpoch)
        // The task's sums of each thread, and of all ranks.
        let sums = Double(task.sumCount) * Double(threads + 1)
        bytes =
            4 * (Double(threads) * (floats + batch) + state) + (task.ranksSequences ? 32 : 16) * units + 8 * sums
            + Double(source.memoryBytes)
    }

    /// Values of a batch for each time step of a sequence: inputs and targets.
    private static func width(of shape: TaskShape) -> Int {
        let inputs = if case .features(let count) = shape.input { count } else { 1 }
        let values = if case .values(let count) = shape.output { count } else { 0 }
        return inputs + 1 + values
    }

    /// The number of floats of a workspace, even if it exceeds Int.
    ///
    /// - Parameter count: returns the floats for a number of sequences.
    static func floats(window: Int, sequences: Double, _ count: (Int) -> Int) -> Double {
        // Beyond 2^32 rows the memory is proportional to the rows, and their count might overflow.
        let counted = max(1, min(sequences, (0x1p32 / Double(window)).rounded(.down)))
        return Double(count(Int(counted))) * (sequences / counted)
    }

    /// Throws if this host, or the job's control group, has too little memory to score with a model in all its ranks.
    ///
    /// - Throws: a `CommandError` with exit code 2.
    package func check(_ network: NetworkConfiguration, ranksOnHost: Int) throws {
        let weights = 4 * Double(network.layout.count + network.packedCount)
        let needed = (weights + bytes) * Double(ranksOnHost)
        let limit = MemoryLimit.current
        guard needed > limit.bytes else { return }
        throw CommandError.usage(
            "scoring needs \(byteCount(needed)) of memory on this host (weights \(byteCount(weights)) and activations "
                + "\(byteCount(bytes)) a rank), but \(limit.description); use a smaller validation.batch")
    }
}
