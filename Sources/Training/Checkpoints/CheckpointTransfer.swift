package import FileFormats
import Kernels
import MPI
import Optimization
import Recurrent
import Reduction
package import RunFolder
import Sequences
import System
import Tensors

/// What a resumed run needs: weights, optimiser state and the carried states of all streams, brought together at the root
/// and back to the ranks. Both ways are collective; files are the root's alone.
package enum CheckpointTransfer {
    static let slotPrefix = "optimizer."
    /// Where state.json has the SHA-256 of the file of weights that the run began with; null: of none.
    static let initialWeights = "initial_weights"

    /// An update by finite gradients can still leave weights that are not: they never reach a checkpoint. Collective; the root looks.
    static func checkWeights(_ trainer: Trainer, else error: () -> CommandError) throws {
        try trainer.communicator.agree {
            guard trainer.communicator.isRoot else { return }
            let weights = trainer.memory.parameters[0..<trainer.network.configuration.layout.count]
            // Quick to ask; but squares of weights that are finite may not be.
            if !weights.sumOfSquares.isFinite, !weights.allSatisfy(\.isFinite) { throw error() }
        }
    }

    /// Fills the root's copy; nil on the other ranks. No rank waits for the root longer than its message takes: parameters and
    /// optimiser state that they share stay as they are until the root takes part in the next step. Collective (MPI_Gatherv).
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

    /// Brings weights, optimiser state and carried states from a checkpoint back to all ranks. Collective (MPI_Bcast,
    /// MPI_Scatterv); the root reads.
    package static func restore(_ checkpoint: Checkpoint?, into trainer: inout Trainer) throws {
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
        try restoreProgress(checkpoint, into: &trainer)
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
                        "\(checkpoint.training.path): tensor \(name) is missing or not of shape "
                            + "[\(trainer.streams), \(H)], which this run's configuration asks for")
                }
                try checkpoint.training.read(name, into: whole.buffer)
            }
            let rows = trainer.state.streams.count * H
            try communicator.scatter(
                communicator.isRoot ? UnsafeBufferPointer(whole.buffer) : nil, counts: counts,
                into: block[layer * rows..<(layer + 1) * rows], root: 0)
        }
    }

    private static func restoreProgress(_ checkpoint: Checkpoint?, into trainer: inout Trainer) throws {
        let communicator = trainer.communicator
        let extra = checkpoint?.state.extra
        try communicator.agree {
            if let checkpoint { try ProgressCheck.check(checkpoint, stepsPerEpoch: trainer.stepsPerEpoch) }
        }
        func shared(_ value: Int?) throws -> Int { Int(try communicator.broadcast(Int64(value ?? -1), root: 0)) }
        func shared(_ value: Double?) throws -> Double { try communicator.broadcast(value ?? 0, root: 0) }
        let updates = try shared(checkpoint?.state.step)
        let epoch = try shared(checkpoint?.state.epoch)
        let position = try shared(checkpoint?.state.position)
        let sequences = try shared(extra?["sequences"]?.integerValue)
        trainer.resume(updates: updates, epoch: epoch, position: position, sequences: max(sequences, 0))
        let best = try shared(extra?["plateau_best"]?.numberValue ?? .infinity)
        let since = try shared(extra?["plateau_validations_since"]?.integerValue)
        let factor = try shared(extra?["plateau_factor"]?.numberValue ?? 1)
        trainer.schedule.memory.best = best
        trainer.schedule.memory.validationsSince = max(since, 0)
        trainer.schedule.memory.factor = factor
        guard let tracker = trainer.criterion else { return }
        let errors = FloatBlock(count: tracker.errors.count)
        try communicator.agree {
            guard let checkpoint else { return }
            try checkpoint.training.read("criterion.errors", into: errors.buffer)
        }
        try communicator.broadcast(errors.buffer, root: 0)
        let metAfter = try shared(extra?["criterion_met_after"]?.integerValue)
        trainer.criterion?.restore(
            errors: Array(errors.buffer), seen: max(sequences, 0), metAfter: metAfter < 0 ? nil : metAfter)
    }

    /// What state.json holds of the trainer beside step, epoch and position.
    package static func extra(_ trainer: Trainer) -> [(key: String, value: JSONValue)] {
        let memory = trainer.schedule.memory
        return [
            ("sequences", .integer(trainer.sequences)),
            ("plateau_best", memory.best.isFinite ? .number(memory.best) : .null),
            ("plateau_validations_since", .integer(memory.validationsSince)),
            ("plateau_factor", .number(memory.factor)),
            ("criterion_met_after", trainer.criterion?.metAfter.map { .integer($0) } ?? .null),
        ]
    }

    /// Each layer's part of the carried state: name in the file, layer, and the block it is a part of.
    static func blocks(_ trainer: Trainer) -> [(name: String, layer: Int, block: FloatBlock)] {
        let kinds =
            [("hidden", trainer.state.hidden)]
            + (trainer.network.configuration.cell.hasCellState ? [("cell", trainer.state.cell)] : [])
        return kinds.flatMap { kind, block in
            (0..<trainer.state.layers).map { ("state.\(kind)_l\($0)", $0, block) }
        }
    }

    /// Floats of each rank's part of a layer's state.
    private static func streamCounts(_ trainer: Trainer) -> [Int] {
        let size = trainer.communicator.size
        return (0..<size).map {
            Shard.rows(trainer.streams, part: $0, of: size).count * trainer.state.hiddenSize
        }
    }
}
