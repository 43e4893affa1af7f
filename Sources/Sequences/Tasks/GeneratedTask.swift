package import ConfigFile
package import Tensors

/// A task whose sequences are drawn, not read: each from the seed, its epoch and its place in it, on any rank alike.
package protocol GeneratedTask: SequenceTask {
    init(_ configuration: Configuration)
    /// Sequences that a validation scores.
    static var validationSequences: Int { get }
    /// Steps of the longest sequence, or of a seldom surpassed one where there is no longest.
    var longestSequence: Int { get }
    /// Draws one sequence.
    func draw(_ random: inout CounterRandom) -> DrawnSequence
}

/// One sequence of a generated task.
package struct DrawnSequence: Sendable {
    /// `[length, features]`, row-major.
    package var features: [Float]
    /// `[length]`: a class or `Batch.unscored`; for values, anything not negative where scored.
    package var targets: [Int32]
    /// `[length, values]` for a task of values; else empty.
    package var values: [Float] = []
    package var length: Int { targets.count }
}

extension GeneratedTask {
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

/// The sequences of a generated task, cut into batches; the last batch of an epoch may be smaller.
///
/// Training's and validation's are drawn for different purposes from the seed and so share no draw; validation's are the
/// same at every validation.
package struct GeneratedSource: SequenceSource {
    private let task: any GeneratedTask
    private let purpose: CounterRandom.Purpose
    private let seed: UInt64
    private let batch: Int
    private let perEpoch: Int

    package static let keys = [
        ConfigKey(
            "data.sequences_per_epoch", .integer(1...1_000_000_000), default: .integer(1000),
            when: Condition(
                path: "task", isOneOf: TaskTable.all.filter { $0 is any GeneratedTask.Type }.map { $0.name }),
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

    /// Sequences of unequal length are followed by zero inputs and unscored steps, up to the longest of these rows.
    package mutating func read(_ rows: Range<Int>, step: Int, epoch: Int, into batch: inout Batch) {
        let drawn = rows.map { row in
            var random = CounterRandom(
                seed: seed, purpose: purpose, epoch: purpose == .validationSequence ? 0 : epoch,
                index: step * self.batch + row)
            return task.draw(&random)
        }
        batch.reshape(window: drawn.map(\.length).max() ?? 0, sequences: rows.count, for: task.shape)
        batch.firstStream = rows.lowerBound
        batch.steps = drawn.reduce(0) { $0 + $1.length }
        batch.position = ((epoch - 1) * stepsPerEpoch + step) * longestWindow
        for (b, sequence) in drawn.enumerated() { batch.place(sequence, in: b, task.shape) }
    }
}

extension Batch {
    /// Copies a sequence to row b.
    fileprivate mutating func place(_ sequence: DrawnSequence, in b: Int, _ shape: TaskShape) {
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
