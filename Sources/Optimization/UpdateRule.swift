package import ConfigFile
import Tensors

/// An optimiser's formula: how a gradient changes a parameter. Element by element, so any range of a block can be updated
/// alone. Formulas, further keys and defaults are PyTorch's (`torch.optim`). A new one is a file beside this one and a line
/// in `UpdateRuleTable`.
package protocol UpdateRule: Sendable {
    /// The word of `training.optimizer.name`.
    static var name: String { get }
    /// Reads its own keys below `training.optimizer`.
    init(_ configuration: Configuration)
    /// The state it keeps for each parameter: PyTorch's names, and the value it begins with.
    var slots: [(name: String, initial: Float)] { get }
    /// Whether a parameter and its state stay as they are, to the bit, where the gradient is 0.
    var restsWithoutGradient: Bool { get }
    /// Updates the parameters of `range`; all pointers are to the blocks' starts.
    ///
    /// - Parameters:
    ///   - scale: what each gradient is multiplied by first.
    ///   - state: one pointer a slot.
    ///   - rate: the learning rate of this update.
    ///   - number: which update this is, from 1.
    func update(
        _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>, scale: Float,
        _ state: [UnsafeMutablePointer<Float>], in range: Range<Int>, rate: Double, number: Int)
}

extension UpdateRule {
    package var restsWithoutGradient: Bool { false }
}

/// All optimisers there are. Tests walk this table.
package enum UpdateRuleTable {
    package static let all: [any UpdateRule.Type] = [
        SGD.self, Momentum.self, Nesterov.self, RMSProp.self, Adagrad.self, Adam.self, AdamW.self,
    ]

    private static func only(_ rules: any UpdateRule.Type...) -> Condition {
        Condition(path: "training.optimizer.name", isOneOf: rules.map { $0.name })
    }

    private static let share = NumberRange.from(0, below: 1)

    /// The keys of `training.optimizer`: each further key names the optimisers that have it.
    package static let keys: [ConfigKey] = [
        ConfigKey(
            "training.optimizer.name", .choice(all.map { $0.name }), default: .text("adam"), "The optimiser."),
        ConfigKey(
            "training.optimizer.learning_rate", .number(.from(0, to: 1e6)), default: .number(0.002),
            "Learning rate, before the schedule."),
        ConfigKey(
            "training.optimizer.weight_decay", .number(.from(0, to: 1e6)), default: .number(0),
            defaultWhen: [(only(AdamW.self), .number(0.01))],
            "Adds this times the weight to the gradient (adamw: takes rate times this off the weight)."),
        ConfigKey(
            "training.optimizer.momentum", .number(share), default: .number(0.9),
            defaultWhen: [(only(RMSProp.self), .number(0))], when: only(Momentum.self, Nesterov.self, RMSProp.self),
            "Share of the last update's direction that is kept."),
        ConfigKey(
            "training.optimizer.dampening", .number(.from(0, to: 1)), default: .number(0),
            when: only(Momentum.self), "Share of the gradient that momentum leaves out."),
        ConfigKey(
            "training.optimizer.alpha", .number(share), default: .number(0.99), when: only(RMSProp.self),
            "Decay of the mean of squared gradients."),
        ConfigKey(
            "training.optimizer.centered", .boolean, default: .boolean(false), when: only(RMSProp.self),
            "Divides by an estimate of the variance in place of the mean square."),
        ConfigKey(
            "training.optimizer.lr_decay", .number(.from(0, to: 1e6)), default: .number(0),
            when: only(Adagrad.self), "Rate / (1 + updates x this)."),
        ConfigKey(
            "training.optimizer.initial_accumulator_value", .number(.from(0, to: 1e6)), default: .number(0),
            when: only(Adagrad.self), "Where the sums of squared gradients begin."),
        ConfigKey(
            "training.optimizer.betas", .numbers(count: 2, share),
            default: .list([.number(0.9), .number(0.999)]), when: only(Adam.self, AdamW.self),
            "Decays of the means of gradients and of squared gradients."),
        ConfigKey(
            "training.optimizer.amsgrad", .boolean, default: .boolean(false), when: only(Adam.self, AdamW.self),
            "Divides by the largest mean of squares so far (Reddi et al. 2018)."),
        ConfigKey(
            // Smaller ones are subnormal, so zero to the kernels, and zero by zero is no number.
            "training.optimizer.eps", .number(.from(1.2e-38, to: 1)), default: .number(1e-8),
            defaultWhen: [(only(Adagrad.self), .number(1e-10))],
            when: only(RMSProp.self, Adagrad.self, Adam.self, AdamW.self), "Added to the denominator."),
    ]

    /// The rule that a configuration names.
    package static func rule(_ configuration: Configuration) -> any UpdateRule {
        let name = configuration.text("training.optimizer.name")
        guard let rule = all.first(where: { $0.name == name }) else {
            preconditionFailure("the table of keys admits only optimisers of the table of optimisers")
        }
        return rule.init(configuration)
    }
}

extension Configuration {
    func optimizerNumber(_ key: String) -> Float { Float(number("training.optimizer.\(key)")) }
}
