package import ConfigFile
import Tensors

/// An optimiser's formula for the change of a parameter. It works element by element, so any range of a block can be
/// updated separately. Formulas, further keys and defaults are PyTorch's (`torch.optim`).
///
/// A new optimiser is a file in this folder, a line in `UpdateRuleTable.all`, and its further keys in
/// `UpdateRuleTable.keys`.
package protocol UpdateRule: Sendable {
    /// The value of `training.optimizer.name`.
    static var name: String { get }
    /// Reads its keys below `training.optimizer`.
    init(_ configuration: Configuration)
    /// The state per parameter: PyTorch's names and the initial values.
    var slots: [(name: String, initial: Float)] { get }
    /// Whether a zero gradient leaves a parameter and its state unchanged bit for bit.
    var restsWithoutGradient: Bool { get }
    /// Updates the parameters of `range`; all pointers point to the blocks' starts.
    ///
    /// - Parameters:
    ///   - scale: factor of each gradient.
    ///   - state: one pointer per slot.
    ///   - rate: the learning rate of this update.
    ///   - number: the index of this update, from 1.
    func update(
        _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>, scale: Float,
        _ state: [UnsafeMutablePointer<Float>], in range: Range<Int>, rate: Double, number: Int)
}

extension UpdateRule {
    package var restsWithoutGradient: Bool { false }
}

/// All optimisers. Tests walk this table.
package enum UpdateRuleTable {
    package static let all: [any UpdateRule.Type] = [
        SGD.self, Momentum.self, Nesterov.self, RMSProp.self, Adagrad.self, Adam.self, AdamW.self,
    ]

    private static func only(_ rules: any UpdateRule.Type...) -> Condition {
        Condition(path: "training.optimizer.name", isOneOf: rules.map { $0.name })
    }

    private static let share = NumberRange.from(0, below: 1)

    /// The keys of `training.optimizer`: `when` of each further key lists the optimisers that have it.
    package static let keys: [ConfigKey] = [
        ConfigKey(
            "training.optimizer.name", .choice(all.map { $0.name }), default: .text("adam"), "The optimiser."),
        ConfigKey(
            "training.optimizer.learning_rate", .number(.from(0, to: 1e6)), default: .number(0.002),
            "Learning rate, before the schedule."),
        ConfigKey(
            "training.optimizer.weight_decay", .number(.from(0, to: 1e6)), default: .number(0),
            defaultWhen: [(only(AdamW.self), .number(0.01))],
            "L2 penalty: adds this times the weight to the gradient (adamw: decoupled weight decay)."),
        ConfigKey(
            "training.optimizer.momentum", .number(share), default: .number(0.9),
            defaultWhen: [(only(RMSProp.self), .number(0))], when: only(Momentum.self, Nesterov.self, RMSProp.self),
            "Momentum: factor of the previous update's direction."),
        ConfigKey(
            "training.optimizer.dampening", .number(.from(0, to: 1)), default: .number(0),
            when: only(Momentum.self), "Fraction of the gradient that is not added to the momentum."),
        ConfigKey(
            "training.optimizer.alpha", .number(share), default: .number(0.99), when: only(RMSProp.self),
            "Decay of the mean of squared gradients."),
        ConfigKey(
            "training.optimizer.centered", .boolean, default: .boolean(false), when: only(RMSProp.self),
            "Divides by an estimate of the variance instead of the mean square."),
        ConfigKey(
            "training.optimizer.lr_decay", .number(.from(0, to: 1e6)), default: .number(0),
            when: only(Adagrad.self), "Divides the rate by 1 + previous updates x this."),
        ConfigKey(
            "training.optimizer.initial_accumulator_value", .number(.from(0, to: 1e6)), default: .number(0),
            when: only(Adagrad.self), "Initial value of the sums of squared gradients."),
        ConfigKey(
            "training.optimizer.betas", .numbers(count: 2, share),
            default: .list([.number(0.9), .number(0.999)]), when: only(Adam.self, AdamW.self),
            "Decays of the means of gradients and of squared gradients."),
        ConfigKey(
            "training.optimizer.amsgrad", .boolean, default: .boolean(false), when: only(Adam.self, AdamW.self),
            "Divides by the largest mean of squares so far (Reddi et al. 2018)."),
        ConfigKey(
            // Smaller values are flushed to zero by the kernels, and 0/0 is NaN.
            "training.optimizer.eps", .number(.from(1.2e-38, to: 1)), default: .number(1e-8),
            defaultWhen: [(only(Adagrad.self), .number(1e-10))],
            when: only(RMSProp.self, Adagrad.self, Adam.self, AdamW.self), "Added to the denominator."),
    ]

    /// The rule of `training.optimizer.name`.
    package static func rule(_ configuration: Configuration) -> any UpdateRule {
        let name = configuration.text("training.optimizer.name")
        guard let rule = all.first(where: { $0.name == name }) else {
            preconditionFailure("the key accepts only names of `all`")
        }
        return rule.init(configuration)
    }
}

extension Configuration {
    func optimizerNumber(_ key: String) -> Float { Float(number("training.optimizer.\(key)")) }
}
