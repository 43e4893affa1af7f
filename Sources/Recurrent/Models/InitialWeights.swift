package import ConfigFile
import Glibc
package import Tensors

/// How the weights begin: uniform(-scale, scale) for every weight, embedding and bias, then the forget gate's bias.
///
/// Each tensor draws its own numbers, by its place in the layout and the seed: the same on every rank and every N.
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

    /// Fills `parameters`, laid out as `configuration.layout`.
    package func fill(_ parameters: FloatBlock, for configuration: NetworkConfiguration, seed: UInt64) {
        let layout = configuration.layout
        for (index, tensor) in layout.tensors.enumerated() {
            var random = CounterRandom(seed: seed, purpose: .initialWeights, index: index)
            for place in tensor.range { parameters.pointer[place] = random.uniform(-scale, scale) }
        }
        guard let forget = configuration.cell.forgetGate else { return }
        for layer in 0..<configuration.layers {
            switch forgetBias {
            case .value(0): break
            case .value(let value):
                setBias(of: forget, in: layer, parameters, configuration, layout) { _ in value }
            case .chrono(let lag):
                let drawn = (0..<configuration.hiddenSize).map { unit in
                    var random = CounterRandom(seed: seed, purpose: .chronoBias, epoch: layer, index: unit)
                    return logf(random.uniform(1, Float(lag - 1)))
                }
                setBias(of: forget, in: layer, parameters, configuration, layout) { drawn[$0] }
                if let input = configuration.cell.inputGate {
                    setBias(of: input, in: layer, parameters, configuration, layout) { -drawn[$0] }
                }
            }
        }
    }

    private func setBias(
        of gate: Int, in layer: Int, _ parameters: FloatBlock, _ configuration: NetworkConfiguration,
        _ layout: TensorLayout, _ value: (Int) -> Float
    ) {
        guard let input = layout["rnn.bias_ih_l\(layer)"], let recurrent = layout["rnn.bias_hh_l\(layer)"] else {
            preconditionFailure("a layer without biases")
        }
        for unit in 0..<configuration.hiddenSize {
            let row = gate * configuration.hiddenSize + unit
            parameters.pointer[input.offset + row] = value(unit)
            parameters.pointer[recurrent.offset + row] = 0
        }
    }
}
