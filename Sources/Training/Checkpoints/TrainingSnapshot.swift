import FileFormats
import Optimization
import Recurrent
import Reduction
import Tensors

/// A training as it stood after a step, in memory of the root's own: parameters, optimiser state, the carried states of all
/// streams. It is written to a checkpoint while training goes on; then it is filled anew.
///
/// `@unchecked Sendable`: the blocks are plain memory. The main thread fills a copy, then hands it to the thread that writes,
/// and touches it again only when that has ended.
final class TrainingSnapshot: @unchecked Sendable {
    private let layout: TensorLayout
    private let parameters: FloatBlock
    private let slots: [(name: String, block: FloatBlock)]
    private let criterionErrors: FloatBlock?
    /// `[streams, H]` each, in the order of `CheckpointTransfer.blocks`; `CheckpointTransfer.gather` fills them.
    let carried: [(name: String, shape: [Int], values: FloatBlock)]

    private static let criterionName = "criterion.errors"

    /// Takes the memory. Only at the root.
    init(for trainer: Trainer) {
        layout = trainer.network.configuration.layout
        parameters = FloatBlock(count: trainer.memory.parameters.count)
        slots = trainer.optimizer.slots.map { ($0.name, FloatBlock(count: $0.block.count)) }
        criterionErrors = trainer.criterion.map { FloatBlock(count: $0.errors.count) }
        let shape = [trainer.streams, trainer.state.hiddenSize]
        carried =
            trainer.carriesState
            ? CheckpointTransfer.blocks(trainer).map { ($0.name, shape, FloatBlock(count: shape[0] * shape[1])) } : []
    }

    /// Takes over what the root has itself: all but the carried states.
    func fill(from trainer: Trainer) {
        parameters.copy(from: trainer.memory.parameters)
        for (own, other) in zip(slots, trainer.optimizer.slots) { own.block.copy(from: other.block) }
        if let criterionErrors, let tracker = trainer.criterion {
            for (index, error) in tracker.errors.enumerated() { criterionErrors.pointer[index] = error }
        }
    }

    /// The tensors of model.safetensors.
    var model: [SafetensorsTensor] { modelTensors(of: parameters, layout) }

    /// The tensors of training.safetensors.
    var training: [SafetensorsTensor] {
        var result = slots.flatMap { slot in
            modelTensors(of: slot.block, layout, prefix: "\(CheckpointTransfer.slotPrefix)\(slot.name).")
        }
        for (name, shape, values) in carried {
            result.append(SafetensorsTensor(name: name, shape: shape, data: UnsafeBufferPointer(values.buffer)))
        }
        if let errors = criterionErrors {
            result.append(
                SafetensorsTensor(
                    name: Self.criterionName, shape: [errors.count], data: UnsafeBufferPointer(errors.buffer)))
        }
        return result
    }
}
