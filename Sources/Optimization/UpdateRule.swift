package import ConfigFile

/// An optimiser's formula for the change of a parameter. It works element by element, so any range of a block can be
/// updated separately. Formulas, further keys and defaults are PyTorch's (`torch.optim`).
///
/// A new optimiser is a file in this folder and a line in `UpdateRuleTable.all`.
package protocol UpdateRule: Sendable {
    /// The value of `training.optimizer.name`.
    static var name: String { get }
    /// The shared keys that it reads, each with its default if that is not the usual one.
    static var sharedKeys: [SharedOptimizerKey: ConfigValue?] { get }
    /// The keys that no other optimiser has; the table adds the condition.
    static var keys: [ConfigKey] { get }
    /// Reads its keys below `training.optimizer`.
    init(_ configuration: Configuration)
    /// The default of `training.optimizer.weight_decay`.
    static var weightDecay: Double { get }
    /// The state per parameter: PyTorch's names and the initial values.
    var slots: [(name: String, initial: Float)] { get }
    /// Whether a zero gradient leaves a parameter and its state unchanged bit for bit.
    var restsWithoutGradient: Bool { get }
    /// Updates the parameters of a range.
    func apply(_ update: Update)
}

extension UpdateRule {
    package static var sharedKeys: [SharedOptimizerKey: ConfigValue?] { [:] }
    package static var keys: [ConfigKey] { [] }
    package static var weightDecay: Double { 0 }
    package var restsWithoutGradient: Bool { false }
}

/// An optimiser that also needs norms of whole tensors. An update has two passes: `measure` for each part of each
/// tensor, then `apply` with the learning rate times the tensor's `factor`.
package protocol TensorwiseRule: UpdateRule {
    /// Updates the state of a part of a tensor, of at most a few thousand floats, and returns its sums of squares.
    func measure(_ update: Update) -> TensorSquares
    /// The factor of the learning rate for a tensor, from its sums of squares.
    func factor(_ squares: TensorSquares) -> Double
}

/// Sums of squares over a tensor or a part of one.
package struct TensorSquares: Sendable {
    /// The sum of squares of the parameters, before the update.
    package let parameters: Double
    /// The sum of squares of the directions in which the parameters are changed.
    package let directions: Double

    package init(parameters: Double, directions: Double) {
        self.parameters = parameters
        self.directions = directions
    }
}

/// One update of a range of parameters. All pointers point to the blocks' starts.
package struct Update {
    package let parameters: UnsafeMutablePointer<Float>
    package let gradients: UnsafePointer<Float>
    /// Factor of each gradient.
    package let scale: Float
    /// One pointer per slot.
    package let state: [UnsafeMutablePointer<Float>]
    package let range: Range<Int>
    /// The learning rate.
    package let rate: Double
    /// The index of the update, from 1.
    package let number: Int
}

/// A key of `training.optimizer` that several optimisers have.
package enum SharedOptimizerKey: String, Sendable, CaseIterable {
    case momentum, betas, amsgrad, eps

    private static let fraction = NumberRange.from(0, below: 1)

    /// The key with its usual default; `when` and `defaultWhen` follow from the rules.
    func key(when: Condition, defaultWhen: [(condition: Condition, value: ConfigValue)]) -> ConfigKey {
        let (kind, value, meaning): (ConfigKey.Kind, ConfigValue, String) =
            switch self {
            case .momentum:
                (.number(Self.fraction), .number(0.9), "Momentum: factor of the previous update's direction.")
            case .betas:
                (
                    .numbers(count: 2, Self.fraction), .list([.number(0.9), .number(0.999)]),
                    "Decays of the means of gradients and of squared gradients."
                )
            case .amsgrad:
                (
                    .boolean, .boolean(false), "Divides by the largest mean of squares so far (Reddi et al. 2018)."
                )
            case .eps:
                // Smaller values are flushed to zero by the kernels, and 0/0 is NaN.
                (.number(.from(1.2e-38, to: 1)), .number(1e-8), "Added to the denominator.")
            }
        return ConfigKey(
            "training.optimizer.\(rawValue)", kind, default: value, defaultWhen: defaultWhen, when: when, meaning)
    }
}

/// All optimisers. Tests walk this table.
package enum UpdateRuleTable {
    package static let all: [any UpdateRule.Type] = [
        SGD.self, Momentum.self, Nesterov.self, RMSProp.self, Adagrad.self, Adam.self, AdamW.self, LAMB.self,
    ]

    private static func only(_ rules: [any UpdateRule.Type]) -> Condition {
        Condition(path: "training.optimizer.name", isOneOf: rules.map { $0.name })
    }

    /// The keys of `training.optimizer`: those of all optimisers, the shared ones, then each optimiser's.
    package static let keys: [ConfigKey] =
        [
            ConfigKey(
                "training.optimizer.name", .choice(all.map { $0.name }), default: .text("adam"), "The optimiser."),
            ConfigKey(
                "training.optimizer.learning_rate", .number(.from(0, to: 1e6)), default: .number(0.002),
                onResume: .mayChange, "Learning rate, before the schedule."),
            ConfigKey(
                "training.optimizer.weight_decay", .number(.from(0, to: 1e6)), default: .number(0),
                defaultWhen: all.filter { $0.weightDecay > 0 }.map { (only([$0]), .number($0.weightDecay)) },
                "L2 penalty: adds this times the weight to the gradient (adamw, lamb: decoupled weight decay)."),
        ] + SharedOptimizerKey.allCases.map(shared) + all.flatMap { rule in rule.keys.map { $0.when(only([rule])) } }

    private static func shared(_ key: SharedOptimizerKey) -> ConfigKey {
        let users = all.filter { $0.sharedKeys[key] != nil }
        let defaults = users.compactMap { rule in
            (rule.sharedKeys[key] ?? nil).map { (condition: only([rule]), value: $0) }
        }
        return key.key(when: only(users), defaultWhen: defaults)
    }

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
