package import ConfigFile
import Glibc
package import Tensors

/// Fills the parameters before the first step, each tensor as its part declares it (`InitialValues`).
///
/// The values of a tensor are drawn from its index in the layout and the seed: the same on every rank and for every N.
package struct InitialWeights {
    package enum ForgetBias {
        case value(Float)
        /// Chrono initialisation: forget gate log U(1, lag - 1), input gate its negative, so that memories span up to
        /// `lag` steps. Source: Tallec & Ollivier (2018), section 3.
        case chrono(lag: Int)
    }

    package let scale: Float
    package let forgetBias: ForgetBias

    package init(scale: Float, forgetBias: ForgetBias = .value(0)) {
        self.scale = scale
        self.forgetBias = forgetBias
    }

    private static let gated = Condition(
        path: "model.cell", isOneOf: CellTable.all.filter { $0.forgetGate != nil }.map { $0.name })

    package static let keys: [ConfigKey] = [
        ConfigKey(
            "model.init.scale", .wordOrNumber(["auto"], .from(0, to: 1000)), default: .text("auto"),
            "Weights begin uniform in (-scale, scale); auto: 1/sqrt(hidden)."),
        ConfigKey(
            "model.init.forget_bias", .number(.from(-1000, to: 1000)), default: .number(0), when: gated,
            "If not 0, the forget gate's input bias begins so and its recurrent bias at 0."),
        ConfigKey(
            "model.init.forget_bias.chrono", .integer(3...1_000_000_000), when: gated,
            "Forget biases log U(1, lag-1) and input biases their negatives: memories up to this many steps."),
    ]
    package static let exclusiveKeys = [["model.init.forget_bias", "model.init.forget_bias.chrono"]]

    package init(_ configuration: Configuration) {
        let hidden = Float(configuration.integer("model.hidden"))
        if case .number(let given)? = configuration.value("model.init.scale") {
            scale = Float(given)
        } else {
            scale = 1 / hidden.squareRoot()
        }
        if configuration.has("model.init.forget_bias.chrono") {
            forgetBias = .chrono(lag: configuration.integer("model.init.forget_bias.chrono"))
        } else if configuration.has("model.init.forget_bias") {
            forgetBias = .value(Float(configuration.number("model.init.forget_bias")))
        } else {
            forgetBias = .value(0)
        }
    }

    /// Fills `parameters`, laid out as `layout`.
    package func fill(_ parameters: FloatBlock, _ layout: ModelLayout, seed: UInt64) {
        for (index, (tensor, spec)) in zip(layout.tensors.tensors, layout.parameters).enumerated() {
            let values = parameters[tensor.range]
            switch spec.initial {
            case .constant(let value): values.update(repeating: value)
            case .uniform: draw(values, tensor: index, seed)
            case .biases(let biases):
                draw(values, tensor: index, seed)
                applyForgetBias(to: values, biases, seed)
            }
        }
    }

    private func draw(_ values: UnsafeMutableBufferPointer<Float>, tensor: Int, _ seed: UInt64) {
        var random = CounterRandom(seed: seed, purpose: .initialWeights, index: tensor)
        for index in values.indices { values[index] = random.uniform(-scale, scale) }
    }

    private func applyForgetBias(
        to values: UnsafeMutableBufferPointer<Float>, _ biases: GateBiases, _ seed: UInt64
    ) {
        guard let forgetGate = biases.forgetGate else { return }
        func set(_ gate: Int, _ value: (_ unit: Int) -> Float) {
            for unit in 0..<biases.hiddenSize {
                values[gate * biases.hiddenSize + unit] = biases.side == .input ? value(unit) : 0
            }
        }
        switch forgetBias {
        case .value(0): break
        case .value(let value): set(forgetGate) { _ in value }
        case .chrono(let lag):
            func drawn(_ unit: Int) -> Float {
                var random = CounterRandom(seed: seed, purpose: .chronoBias, epoch: biases.part, index: unit)
                return logf(random.uniform(1, Float(lag - 1)))
            }
            set(forgetGate, drawn)
            if let inputGate = biases.inputGate { set(inputGate) { -drawn($0) } }
        }
    }
}
