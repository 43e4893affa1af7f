import FileFormats
import Kernels
import MPI
import Optimization
import Recurrent
import Reduction
package import RunFolder
import Sequences
import System
import Tensors

/// Gathers the state that a resumed run needs (weights, optimiser state and the carried states of all streams) on the
/// root, and distributes it to the ranks. Both directions are collective; only the root accesses files.
package enum CheckpointTransfer {
    static let slotPrefix = "optimizer."
    /// The key of state.json for the SHA-256 of the initial weights' file; null if there was none.
    static let initialWeights = "initial_weights"

    /// Throws if weights are not finite, which is possible even after an update by finite gradients, so that they never
    /// reach a checkpoint. Collective; the root checks.
    static func checkWeights(_ trainer: Trainer, else error: () -> CommandError) throws {
        try trainer.communicator.agree {
            guard trainer.communicator.isRoot else { return }
            let weights = trainer.memory.parameters[0..<trainer.network.configuration.layout.count]
            // A quick test first; the squares of finite weights may overflow.
            if !weights.sumOfSquares.isFinite, !weights.allSatisfy(\.isFinite) { throw error() }
        }
    }

    /// Fills the root's snapshot; `copy` is nil on the other ranks. Other ranks wait for the root only until it has
    /// their message: parameters and optimiser state that they share do not change until the root takes part in the
    /// next step. Collective (MPI_Gatherv).
    static func gather(_ trainer: Trainer, into copy: TrainingSnapshot?) throws {
        if trainer.carriesState {
            let counts = streamCounts(trainer)
            for (index, (_, layer, block)) in blocks(trainer).enumerated() {
                let rows = trainer.state.streams.count * trainer.state.hiddenSize
                try trainer.communicator.gather(
                    UnsafeBufferPointer(block[layer * rows..<(layer + 1) * rows]), counts: counts,
                    into: copy?.carried[index].values.buffer, root: 0)
            }
        }
        copy?.fill(from: trainer)
    }

    /// Distributes weights, optimiser state and carried states of a checkpoint to all ranks. Collective (MPI_Bcast,
    /// MPI_Scatterv); the root reads.
    package static func restore(_ checkpoint: Checkpoint?, into trainer: inout Trainer) throws -> RunProgress {
        let communicator = trainer.communicator
        let layout = trainer.network.configuration.layout
        let (memory, optimizer) = (trainer.memory, trainer.optimizer)
        try communicator.agree {
            guard let checkpoint else { return }
            try read(checkpoint.model, into: memory.parameters, layout: layout)
            for slot in optimizer.slots {
                try read(checkpoint.training, into: slot.block, layout: layout, prefix: "\(slotPrefix)\(slot.name).")
            }
        }
        try memory.broadcastFromRoot()
        if trainer.carriesState { try restoreCarried(checkpoint, trainer) }
        return try restoreProgress(checkpoint, into: &trainer)
    }

    private static func restoreCarried(_ checkpoint: Checkpoint?, _ trainer: Trainer) throws {
        let communicator = trainer.communicator
        let H = trainer.state.hiddenSize
        let counts = streamCounts(trainer)
        for (name, layer, block) in blocks(trainer) {
            let whole = FloatBlock(count: communicator.isRoot ? trainer.streams * H : 0)
            try communicator.agree {
                guard let checkpoint else { return }
                guard checkpoint.training.shape(of: name) == [trainer.streams, H] else {
                    throw CommandError.usage(
                        "\(checkpoint.training.path): tensor \(name) is missing or does not have shape "
                            + "[\(trainer.streams), \(H)], which this run's configuration requires")
                }
                try checkpoint.training.read(name, into: whole.buffer)
            }
            let rows = trainer.state.streams.count * H
            try communicator.scatter(
                communicator.isRoot ? UnsafeBufferPointer(whole.buffer) : nil, counts: counts,
                into: block[layer * rows..<(layer + 1) * rows], root: 0)
        }
    }

    /// Collective (MPI_Bcast).
    private static func restoreProgress(_ checkpoint: Checkpoint?, into trainer: inout Trainer) throws -> RunProgress {
        let communicator = trainer.communicator
        let progress = try RunProgress.read(checkpoint, stepsPerEpoch: trainer.stepsPerEpoch, on: communicator)
        func shared(_ value: Int?) throws -> Int { Int(try communicator.broadcast(Int64(value ?? 0), root: 0)) }
        trainer.resume(
            updates: try shared(checkpoint?.state.step), epoch: try shared(checkpoint?.state.epoch),
            position: try shared(checkpoint?.state.position), sequences: progress.sequences)
        trainer.schedule.memory = progress.plateau
        guard let tracker = trainer.criterion else { return progress }
        let errors = FloatBlock(count: tracker.errors.count)
        try communicator.agree {
            guard let checkpoint else { return }
            try checkpoint.training.read("criterion.errors", into: errors.buffer)
        }
        try communicator.broadcast(errors.buffer, root: 0)
        trainer.criterion?.restore(
            errors: Array(errors.buffer), seen: progress.sequences, metAfter: progress.criterionMetAfter)
        return progress
    }

    /// Each layer's part of the carried state: its name in the file, the layer, and the block that contains it.
    static func blocks(_ trainer: Trainer) -> [(name: String, layer: Int, block: FloatBlock)] {
        let kinds =
            [("hidden", trainer.state.hidden)]
            + (trainer.network.configuration.cell.hasCellState ? [("cell", trainer.state.cell)] : [])
        return kinds.flatMap { kind, block in
            (0..<trainer.state.layers).map { ("state.\(kind)_l\($0)", $0, block) }
        }
    }

    /// The number of floats of each rank's part of a layer's state.
    private static func streamCounts(_ trainer: Trainer) -> [Int] {
        let size = trainer.communicator.size
        return (0..<size).map {
            Shard.rows(trainer.streams, part: $0, of: size).count * trainer.state.hiddenSize
        }
    }
}
