package import ConfigFile
import Kernels

/// θ -= rate · (g + decay · θ).
package struct SGD: UpdateRule {
    package static let name = "sgd"
    package let slots: [(name: String, initial: Float)] = []
    private let decay: Float
    package var restsWithoutGradient: Bool { decay == 0 }

    package init(_ configuration: Configuration) { decay = configuration.optimizerNumber("weight_decay") }

    package func apply(_ update: Update) {
        let rate = Vector(repeating: Float(-update.rate))
        let decay = Vector(repeating: decay)
        let factor = Vector(repeating: update.scale)
        forEachVector(in: update.range) { at, span in
            let p = span.load(update.parameters + at)
            let g = (span.load(update.gradients + at) * factor).plus(decay, times: p)
            span.store(p.plus(rate, times: g), update.parameters + at)
        }
    }
}

/// v = m · v + (1 - dampening) · g (the first v is g), θ -= rate · v. Source: Polyak (1964), in PyTorch's form.
package struct Momentum: UpdateRule {
    package static let name = "momentum"
    package static let sharedKeys: [SharedOptimizerKey: ConfigValue?] = [.momentum: nil]
    package static let keys = [
        ConfigKey(
            "training.optimizer.dampening", .number(.from(0, to: 1)), default: .number(0),
            "Fraction of the gradient that is not added to the momentum.")
    ]
    package let slots: [(name: String, initial: Float)] = [("momentum_buffer", 0)]
    private let velocity: Velocity

    package init(_ configuration: Configuration) {
        velocity = Velocity(configuration, dampening: configuration.optimizerNumber("dampening"), looksAhead: false)
    }

    package func apply(_ update: Update) {
        velocity.apply(update)
    }
}

/// v = m · v + g, θ -= rate · (g + m · v). Source: Nesterov (1983), in the form of Sutskever et al. (2013) as in
/// PyTorch.
package struct Nesterov: UpdateRule {
    package static let name = "nesterov"
    package static let sharedKeys: [SharedOptimizerKey: ConfigValue?] = [.momentum: nil]
    package let slots: [(name: String, initial: Float)] = [("momentum_buffer", 0)]
    private let velocity: Velocity

    package init(_ configuration: Configuration) {
        velocity = Velocity(configuration, dampening: 0, looksAhead: true)
    }

    package func apply(_ update: Update) {
        velocity.apply(update)
    }
}

/// The velocity v of momentum and Nesterov momentum.
private struct Velocity {
    let decay: Float
    let momentum: Float
    let dampening: Float
    let looksAhead: Bool

    init(_ configuration: Configuration, dampening: Float, looksAhead: Bool) {
        decay = configuration.optimizerNumber("weight_decay")
        momentum = configuration.optimizerNumber("momentum")
        self.dampening = dampening
        self.looksAhead = looksAhead
    }

    func apply(_ update: Update) {
        let rate = Vector(repeating: Float(-update.rate))
        let decay = Vector(repeating: decay)
        let momentum = Vector(repeating: momentum)
        let share = Vector(repeating: update.number == 1 ? 1 : 1 - dampening)
        let ahead = Vector(repeating: looksAhead ? 1 : 0)
        let factor = Vector(repeating: update.scale)
        forEachVector(in: update.range) { at, span in
            let p = span.load(update.parameters + at)
            let g = (span.load(update.gradients + at) * factor).plus(decay, times: p)
            let v = (share * g).plus(momentum, times: span.load(update.state[0] + at))
            span.store(v, update.state[0] + at)
            let direction = (ahead * g).plus(1 - ahead + ahead * momentum, times: v)
            span.store(p.plus(rate, times: direction), update.parameters + at)
        }
    }
}
