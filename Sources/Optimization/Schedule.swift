package import ConfigFile
import Glibc

/// The learning rate as a function of the update and the epoch (both from 1), and of the previous validations.
package struct Schedule: Sendable {
    package enum Shape: Sendable, Equatable {
        case constant
        /// rate · factor^⌊(epoch - 1) / everyEpochs⌋
        case step(factor: Double, everyEpochs: Int)
        /// rate · factor^max(0, epoch - afterEpochs). Used by Zaremba et al. (2014).
        case exponential(factor: Double, afterEpochs: Int)
        /// Half a cosine from the rate to `final` times the rate. Source: Loshchilov & Hutter (2017), without restarts.
        case cosine(final: Double)
        /// rate · factor after more than `patience` validations without a better loss, repeatedly.
        case plateau(factor: Double, patience: Int)
    }

    /// The state of a plateau schedule, saved in checkpoints.
    package struct Memory: Sendable, Equatable {
        package var best = Double.infinity
        package var validationsSince = 0
        package var factor = 1.0
        package init() {}
    }

    package let shape: Shape
    package let base: Double
    package let warmupSteps: Int
    package var memory = Memory()

    package init(_ shape: Shape, base: Double, warmupSteps: Int = 0) {
        self.shape = shape
        self.base = base
        self.warmupSteps = warmupSteps
    }

    private static func only(_ names: String...) -> Condition {
        Condition(path: "training.schedule.name", isOneOf: names)
    }

    private static let factors = NumberRange.above(0, to: 1000)

    package static let keys: [ConfigKey] = [
        ConfigKey(
            "training.schedule.name", .choice(["constant", "step", "exponential", "cosine", "plateau"]),
            default: .text("constant"), onResume: .mayChange, "How the learning rate changes."),
        ConfigKey(
            "training.schedule.factor", .number(factors), when: only("step", "exponential", "plateau"),
            isRequired: true,
            onResume: .mayChange, "Factor of each change of the rate."),
        ConfigKey(
            "training.schedule.every_epochs", .integer(1...1_000_000_000), when: only("step"), isRequired: true,
            onResume: .mayChange, "Epochs between changes of the rate."),
        ConfigKey(
            "training.schedule.after_epochs", .integer(0...1_000_000_000), default: .integer(0),
            when: only("exponential"), onResume: .mayChange, "Epochs at the full rate."),
        ConfigKey(
            "training.schedule.final", .number(.from(0, to: 1)), default: .number(0), when: only("cosine"),
            onResume: .mayChange, "The last rate, as a fraction of the first."),
        ConfigKey(
            "training.schedule.patience", .integer(0...1_000_000_000), when: only("plateau"), isRequired: true,
            onResume: .mayChange, "Validations without a better loss before the rate changes."),
        ConfigKey(
            "training.schedule.warmup_steps", .integer(0...1_000_000_000), default: .integer(0),
            onResume: .mayChange, "Steps of linear warm-up: the rate of step s is multiplied by s / this."),
    ]

    package init(_ configuration: Configuration) {
        func number(_ key: String) -> Double { configuration.number("training.schedule.\(key)") }
        func integer(_ key: String) -> Int { configuration.integer("training.schedule.\(key)") }
        let shape: Shape =
            switch configuration.text("training.schedule.name") {
            case "step": .step(factor: number("factor"), everyEpochs: integer("every_epochs"))
            case "exponential": .exponential(factor: number("factor"), afterEpochs: integer("after_epochs"))
            case "cosine": .cosine(final: number("final"))
            case "plateau": .plateau(factor: number("factor"), patience: integer("patience"))
            default: .constant
            }
        self.init(
            shape, base: configuration.number("training.optimizer.learning_rate"),
            warmupSteps: integer("warmup_steps"))
    }

    /// The rate of an update (from 1) in an epoch (from 1) of a training of `total` updates.
    package func rate(update: Int, epoch: Int, of total: Int) -> Double {
        let factor: Double =
            switch shape {
            case .constant: 1
            case .step(let factor, let everyEpochs): pow(factor, Double((epoch - 1) / everyEpochs))
            case .exponential(let factor, let afterEpochs): pow(factor, Double(max(0, epoch - afterEpochs)))
            case .cosine(let final):
                final + (1 - final) * (1 + cos(.pi * Double(update - 1) / Double(max(total - 1, 1)))) / 2
            case .plateau: memory.factor
            }
        let warmup = warmupSteps > 0 ? min(1, Double(update) / Double(warmupSteps)) : 1
        return base * factor * warmup
    }

    /// Records a validation's loss; a plateau schedule applies it from the next update on.
    package mutating func observe(validationLoss loss: Double) {
        guard case .plateau(let factor, let patience) = shape else { return }
        if loss < memory.best {
            memory.best = loss
            memory.validationsSince = 0
        } else {
            memory.validationsSince += 1
            if memory.validationsSince > patience {
                memory.factor *= factor
                memory.validationsSince = 0
            }
        }
    }
}
