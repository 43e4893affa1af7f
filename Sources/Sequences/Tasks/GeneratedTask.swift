package import ConfigFile
package import Tensors

/// A task whose sequences are generated: each is a function of the seed, its epoch and its index in it, on every rank.
package protocol GeneratedTask: SequenceTask {
    init(_ configuration: Configuration)
    /// Sequences that a validation scores.
    static var validationSequences: Int { get }
    /// Time steps of the longest sequence, or a bound that is rarely exceeded if there is no maximum.
    var longestSequence: Int { get }
    /// Draws one sequence.
    func draw(_ random: inout CounterRandom) -> DrawnSequence
}

/// One sequence of a generated task.
package struct DrawnSequence: Sendable {
    /// `[length, features]`, row-major.
    package var features: [Float]
    /// `[length]`: a class or `Batch.unscored`; for values, any non-negative number at scored time steps.
    package var targets: [Int32]
    /// `[length, values]` for a task with values as outputs; otherwise empty.
    package var values: [Float] = []
    package var length: Int { targets.count }
}

extension GeneratedTask {
    package static var reads: DataKind { .generated }

    package static func load(_ configuration: Configuration, _ request: DataRequest) throws -> TaskData {
        let task = Self(configuration)
        var data = TaskData(task: task)
        if request.splits.contains(.train) {
            data.training = GeneratedSource(
                task, purpose: .trainingSequence, seed: request.seed, batch: request.batch,
                perEpoch: configuration.integer("data.sequences_per_epoch"))
        }
        if request.splits.contains(.validation) {
            data.validation = GeneratedSource(
                task, purpose: .validationSequence, seed: request.seed, batch: request.validationBatch,
                perEpoch: Self.validationSequences)
        }
        return data
    }
}

/// The sequences of a generated task in batches; the last batch of an epoch may be smaller.
///
/// Training and validation draw from the seed with different purposes, so their sequences are independent. Every
/// validation has the same sequences.
package struct GeneratedSource: SequenceSource {
    private let task: any GeneratedTask
    private let purpose: CounterRandom.Purpose
    private let seed: UInt64
    private let batch: Int
    private let perEpoch: Int

    static let keys = [
        ConfigKey(
            "data.sequences_per_epoch", .integer(1...1_000_000_000), default: .integer(1000),
            "Sequences drawn for each epoch of a generated task.")
    ]

    package init(
        _ task: any GeneratedTask, purpose: CounterRandom.Purpose, seed: UInt64, batch: Int, perEpoch: Int
    ) {
        self.task = task
        self.purpose = purpose
        self.seed = seed
        self.batch = batch
        self.perEpoch = perEpoch
    }

    package let carriesState = false
    package var stepsPerEpoch: Int { (perEpoch + batch - 1) / batch }
    package var longestWindow: Int { task.longestSequence }
    package func rows(inStep step: Int) -> Int { min(batch, perEpoch - step * batch) }

    /// Shorter sequences are padded with zero inputs and unscored time steps, up to the longest of these sequences.
    package mutating func read(_ rows: Range<Int>, step: Int, epoch: Int, into batch: inout Batch) {
        let drawn = rows.map { row in
            var random = CounterRandom(
                seed: seed, purpose: purpose, epoch: purpose == .validationSequence ? 0 : epoch,
                index: step * self.batch + row)
            return task.draw(&random)
        }
        batch.reshape(window: drawn.map(\.length).max() ?? 0, sequences: rows.count, for: task.shape)
        batch.firstStream = rows.lowerBound
        batch.position = ((epoch - 1) * stepsPerEpoch + step) * longestWindow
        for (b, sequence) in drawn.enumerated() { batch.copy(sequence, to: b, task.shape) }
    }
}

extension Batch {
    /// Copies a sequence to sequence b of the batch.
    fileprivate mutating func copy(_ sequence: DrawnSequence, to b: Int, _ shape: TaskShape) {
        lengths[b] = Int32(truncatingIfNeeded: sequence.length)
        guard case .features(let width) = shape.input else { return }
        for t in 0..<sequence.length {
            let row = t * sequences + b
            targets[row] = sequence.targets[t]
            for column in 0..<width { features[row * width + column] = sequence.features[t * width + column] }
            if case .values(let count) = shape.output {
                for column in 0..<count {
                    targetValues[row * count + column] = sequence.values[t * count + column]
                }
            }
        }
    }
}
