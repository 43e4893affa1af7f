package import ConfigFile
import Optimization
import Recurrent
package import Reduction
package import Sequences

/// The trainer's part of a configuration: sizes, lengths and intervals.
package struct TrainingConfiguration: Sendable {
    package enum Length: Sendable, Equatable {
        case epochs(Int)
        case steps(Int)
    }

    package enum CheckpointInterval: Sendable, Equatable {
        case auto
        case steps(Int)
        case minutes(Double)
    }

    package enum ValidationInterval: Sendable, Equatable {
        case epochs(Int)
        case steps(Int)
    }

    package let batch: Int
    package let length: Length
    package let clipNorm: Double
    package let accumulate: Int
    package let seed: UInt64
    /// Steps between comparisons of the ranks' parameters; the first step is compared too.
    package let verifyInterval: Int
    /// Whether the update of a step with a non-finite loss or gradient is skipped; otherwise such a step ends the
    /// training.
    package let skipsNonFinite: Bool
    package let reduction: ReductionOptions
    /// Seconds that a rank waits for others before it ends the job.
    package let waitTimeout: Double
    package let checkpointInterval: CheckpointInterval
    package let checkpointsKept: Int
    package let validationInterval: ValidationInterval
    /// Validations without improvement after which training stops; 0: never.
    package let patience: Int
    /// Whether the root alone validates.
    package let validatesAtRoot: Bool
    package let validationBatch: Int
    package let loggingInterval: Int

    package static let keys: [ConfigKey] = trainingKeys + ReductionOptions.keys + otherKeys

    private static let trainingKeys: [ConfigKey] = [
        ConfigKey(
            "training.batch", .integer(1...10_000_000), default: .integer(50),
            "Global batch: sequences of an optimiser step, all ranks together."),
        ConfigKey(
            "training.epochs", .integer(1...1_000_000_000), default: .integer(10), onResume: .mayChange,
            "Passes over the data."),
        ConfigKey(
            "training.steps", .integer(1...1_000_000_000_000), onResume: .mayChange,
            "Optimiser steps, instead of epochs."),
        ConfigKey(
            "training.clip_norm", .number(.from(0, to: 1e30)), default: .number(5),
            onResume: .mayChange, "Largest global norm of the averaged gradient; 0: none."),
        ConfigKey(
            "training.accumulate", .integer(1...1_000_000), default: .integer(1),
            onResume: .mayChange, "Parts into which each rank divides its sequences, to save memory."),
        ConfigKey(
            "training.seed", .integer(0...Int.max), default: .integer(1), "Seed of all random numbers."),
        ConfigKey(
            "training.verify_every_steps", .integer(1...1_000_000_000_000), default: .integer(1000),
            onResume: .mayChange, "Steps between comparisons of the ranks' parameters."),
        ConfigKey(
            "training.nonfinite", .choice(["stop", "skip"]), default: .text("stop"),
            "On a non-finite loss or gradient: stop the training, or skip the update and continue."
        ),
    ]

    private static let otherKeys: [ConfigKey] = [
        ConfigKey(
            waitTimeoutKey, .number(.from(1, to: 1e9)), default: .number(defaultWaitTimeout),
            onResume: .mayChange,
            "Seconds that a rank waits for others before the job ends as a hang, with exit code 70."),
        ConfigKey(
            "checkpoint.every", .choice(["auto"]), default: .text("auto"),
            onResume: .mayChange,
            "auto: the interval is computed from a checkpoint's measured cost, at most 30 minutes."),
        ConfigKey(
            "checkpoint.every_steps", .integer(1...1_000_000_000_000), onResume: .mayChange,
            "Steps between checkpoints."),
        ConfigKey(
            "checkpoint.every_minutes", .number(.above(0, to: 1e6)), onResume: .mayChange,
            "Minutes between checkpoints."),
        ConfigKey(
            "checkpoint.keep", .integer(1...1_000_000), default: .integer(3),
            onResume: .mayChange, "Number of checkpoints to keep, in addition to the best."),
        ConfigKey(
            "validation.every_epochs", .integer(0...1_000_000_000), default: .integer(1),
            onResume: .mayChange, "Epochs between validations; 0: no validation."),
        ConfigKey(
            "validation.every_steps", .integer(1...1_000_000_000_000), onResume: .mayChange,
            "Steps between validations."),
        ConfigKey(
            "validation.patience", .integer(0...1_000_000_000), default: .integer(0),
            onResume: .mayChange, "Training stops after this many validations without a better one; 0: never."),
        Metric.key,
        ConfigKey(
            "validation.ranks", .choice(["all", "root"]), default: .text("all"), onResume: .mayChange,
            "Which ranks validate."),
        ConfigKey(
            "validation.batch", .integer(1...10_000_000),
            onResume: .mayChange, "Sequences of a validation step; default: training.batch."),
        ConfigKey(
            "logging.every_steps", .integer(1...1_000_000_000_000), default: .integer(10),
            onResume: .mayChange, "Steps between train lines."),
    ]

    package static let exclusiveKeys = [
        ["training.epochs", "training.steps"],
        ["checkpoint.every", "checkpoint.every_steps", "checkpoint.every_minutes"],
        ["validation.every_epochs", "validation.every_steps"],
    ]

    package init(_ configuration: Configuration) {
        batch = configuration.integer("training.batch")
        length =
            configuration.has("training.steps")
            ? .steps(configuration.integer("training.steps")) : .epochs(configuration.integer("training.epochs"))
        clipNorm = configuration.number("training.clip_norm")
        accumulate = configuration.integer("training.accumulate")
        seed = UInt64(configuration.integer("training.seed"))
        verifyInterval = configuration.integer("training.verify_every_steps")
        skipsNonFinite = configuration.text("training.nonfinite") == "skip"
        reduction = ReductionOptions(configuration)
        waitTimeout = configuration.number(Self.waitTimeoutKey)
        checkpointInterval =
            if configuration.has("checkpoint.every_steps") {
                .steps(configuration.integer("checkpoint.every_steps"))
            } else if configuration.has("checkpoint.every_minutes") {
                .minutes(configuration.number("checkpoint.every_minutes"))
            } else {
                .auto
            }
        checkpointsKept = configuration.integer("checkpoint.keep")
        validationInterval =
            configuration.has("validation.every_steps")
            ? .steps(configuration.integer("validation.every_steps"))
            : .epochs(configuration.integer("validation.every_epochs"))
        patience = configuration.integer("validation.patience")
        validatesAtRoot = configuration.text("validation.ranks") == "root"
        validationBatch =
            configuration.has("validation.batch") ? configuration.integer("validation.batch") : batch
        loggingInterval = configuration.integer("logging.every_steps")
    }

    private static let waitTimeoutKey = "communication.timeout"
    /// The default of `waitTimeout`.
    package static let defaultWaitTimeout = 300.0

    /// The `waitTimeout` in overrides (key.path=value), which applies already while the configuration is read.
    package static func waitTimeout(in overrides: [String]) -> Double {
        let given = overrides.last { $0.hasPrefix(waitTimeoutKey + "=") }?.dropFirst(waitTimeoutKey.count + 1)
        return given.flatMap { Double($0) }.flatMap { $0 >= 1 && $0.isFinite ? $0 : nil } ?? defaultWaitTimeout
    }

    package var sumsByTree: Bool { reduction.sumsByTree }

    /// How a step's sequences are divided within a rank of `threads` threads.
    func division(threads: Int) -> SumPlan.Division {
        SumPlan.Division(byTree: sumsByTree, threads: threads, parts: accumulate)
    }

    /// Whether any validation is configured.
    package var validates: Bool { validationInterval != .epochs(0) }

    /// Optimiser steps of the whole training.
    package func totalSteps(stepsPerEpoch: Int) -> Int {
        switch length {
        case .steps(let steps): steps
        case .epochs(let epochs):
            epochs <= Int.max / max(stepsPerEpoch, 1) ? epochs * stepsPerEpoch : Int.max
        }
    }

    /// The splits to read for training: test always, validation if configured.
    package var dataRequest: DataRequest {
        DataRequest(
            splits: validates ? [.train, .validation, .test] : [.train, .test], batch: batch,
            validationBatch: validationBatch, seed: seed)
    }
}
