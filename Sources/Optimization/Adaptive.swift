package import ConfigFile
import Glibc
import Kernels

/// s = α · s + (1 - α) · g², θ -= rate · g / (√s + ε); centered: √(s - mean(g)²); with momentum the quotient is added
/// to a velocity. Source: Tieleman & Hinton (2012), lecture 6.5; centered: Graves (2013), section 4.2.
package struct RMSProp: UpdateRule {
    package static let name = "rmsprop"
    package static let sharedKeys: [SharedOptimizerKey: ConfigValue?] = [.momentum: .number(0), .eps: nil]
    package static let keys = [
        ConfigKey(
            "training.optimizer.alpha", .number(.from(0, below: 1)), default: .number(0.99),
            "Decay of the mean of squared gradients."),
        ConfigKey(
            "training.optimizer.centered", .boolean, default: .boolean(false),
            "Divides by an estimate of the variance instead of the mean square."),
    ]

    private let decay: Float
    private let alpha: Float
    private let epsilon: Float
    private let momentum: Float
    private let centered: Bool

    package init(_ configuration: Configuration) {
        decay = configuration.optimizerNumber("weight_decay")
        alpha = configuration.optimizerNumber("alpha")
        epsilon = configuration.optimizerNumber("eps")
        momentum = configuration.optimizerNumber("momentum")
        centered = configuration.boolean("training.optimizer.centered")
    }

    package var slots: [(name: String, initial: Float)] {
        [("square_avg", 0)] + (centered ? [("grad_avg", 0)] : []) + (momentum > 0 ? [("momentum_buffer", 0)] : [])
    }

    package func apply(_ update: Update) {
        let rate = Vector(repeating: Float(-update.rate))
        let decay = Vector(repeating: decay)
        let momentum = Vector(repeating: momentum)
        let factor = Vector(repeating: update.scale)
        forEachVector(in: update.range) { at, span in
            let p = span.load(update.parameters + at)
            let g = (span.load(update.gradients + at) * factor).plus(decay, times: p)
            let s = (alpha * span.load(update.state[0] + at)) + (1 - alpha) * g * g
            span.store(s, update.state[0] + at)
            var variance = s
            if centered {
                let previous = span.load(update.state[1] + at)
                let mean = previous.plus(Vector(repeating: 1 - alpha), times: g - previous)
                span.store(mean, update.state[1] + at)
                variance = s - mean * mean
            }
            var direction = g / (variance.squareRoot() + epsilon)
            if self.momentum > 0 {
                let velocities = update.state[centered ? 2 : 1] + at
                direction = direction.plus(momentum, times: span.load(velocities))
                span.store(direction, velocities)
            }
            span.store(p.plus(rate, times: direction), update.parameters + at)
        }
    }
}

/// s += g², θ -= rate / (1 + (previous updates) · lr_decay) · g / (√s + ε). Source: Duchi, Hazan & Singer (2011).
package struct Adagrad: UpdateRule {
    package static let name = "adagrad"
    package static let sharedKeys: [SharedOptimizerKey: ConfigValue?] = [.eps: .number(1e-10)]
    package static let keys = [
        ConfigKey(
            "training.optimizer.lr_decay", .number(.from(0, to: 1e6)), default: .number(0),
            "Divides the rate by 1 + previous updates x this."),
        ConfigKey(
            "training.optimizer.initial_accumulator_value", .number(.from(0, to: 1e6)), default: .number(0),
            "Initial value of the sums of squared gradients."),
    ]

    private let decay: Float
    package var restsWithoutGradient: Bool { decay == 0 && epsilon > 0 }
    private let rateDecay: Double
    private let epsilon: Float
    private let initial: Float

    package init(_ configuration: Configuration) {
        decay = configuration.optimizerNumber("weight_decay")
        rateDecay = configuration.number("training.optimizer.lr_decay")
        epsilon = configuration.optimizerNumber("eps")
        initial = configuration.optimizerNumber("initial_accumulator_value")
    }

    package var slots: [(name: String, initial: Float)] { [("sum", initial)] }

    package func apply(_ update: Update) {
        let rate = Vector(repeating: Float(-update.rate / (1 + Double(update.number - 1) * rateDecay)))
        let decay = Vector(repeating: decay)
        let factor = Vector(repeating: update.scale)
        forEachVector(in: update.range) { at, span in
            let p = span.load(update.parameters + at)
            let g = (span.load(update.gradients + at) * factor).plus(decay, times: p)
            let s = span.load(update.state[0] + at).plus(g, times: g)
            span.store(s, update.state[0] + at)
            span.store(p.plus(rate, times: g / (s.squareRoot() + epsilon)), update.parameters + at)
        }
    }
}

/// m = β₁ · m + (1 - β₁) · g, v = β₂ · v + (1 - β₂) · g², θ -= rate · m̂ / (√v̂ + ε), with m̂ = m / (1 - β₁ᵗ) and
/// v̂ = v / (1 - β₂ᵗ). Source: Kingma & Ba (2015), algorithm 1.
package struct Adam: UpdateRule {
    package static let name = "adam"
    package static let sharedKeys = Moments.sharedKeys
    private let moments: Moments

    package init(_ configuration: Configuration) { moments = Moments(configuration, decouplesDecay: false) }

    package var slots: [(name: String, initial: Float)] { moments.slots }

    package func apply(_ update: Update) {
        moments.apply(update)
    }
}

/// Adam with decoupled weight decay: θ -= rate · decay · θ first. Source: Loshchilov & Hutter (2019).
package struct AdamW: UpdateRule {
    package static let name = "adamw"
    package static let weightDecay = 0.01
    package static let sharedKeys = Moments.sharedKeys
    private let moments: Moments

    package init(_ configuration: Configuration) { moments = Moments(configuration, decouplesDecay: true) }

    package var slots: [(name: String, initial: Float)] { moments.slots }

    package func apply(_ update: Update) {
        moments.apply(update)
    }
}

/// The two moments of adam and adamw.
private struct Moments {
    static let sharedKeys: [SharedOptimizerKey: ConfigValue?] = [.betas: nil, .amsgrad: nil, .eps: nil]
    let decay: Float
    let betas: (Double, Double)
    let epsilon: Float
    let keepsLargest: Bool
    let decouplesDecay: Bool

    init(_ configuration: Configuration, decouplesDecay: Bool) {
        decay = configuration.optimizerNumber("weight_decay")
        let values = configuration.numbers("training.optimizer.betas")
        betas = (values[0], values[1])
        epsilon = configuration.optimizerNumber("eps")
        keepsLargest = configuration.boolean("training.optimizer.amsgrad")
        self.decouplesDecay = decouplesDecay
    }

    var slots: [(name: String, initial: Float)] {
        [("exp_avg", 0), ("exp_avg_sq", 0)] + (keepsLargest ? [("max_exp_avg_sq", 0)] : [])
    }

    func apply(_ update: Update) {
        let correction1 = 1 - pow(betas.0, Double(update.number))
        let correction2 = 1 - pow(betas.1, Double(update.number))
        let size = Vector(repeating: Float(-update.rate / correction1))
        let correction = Float(1 / correction2.squareRoot())
        let (beta2, share1, share2) = (Float(betas.1), Vector(repeating: Float(1 - betas.0)), Float(1 - betas.1))
        let coupled = Vector(repeating: decouplesDecay ? 0 : decay)
        let kept = decouplesDecay ? Float(1 - update.rate * Double(decay)) : 1
        let factor = Vector(repeating: update.scale)
        forEachVector(in: update.range) { at, span in
            let p = kept * span.load(update.parameters + at)
            let g = (span.load(update.gradients + at) * factor).plus(coupled, times: p)
            let m = span.load(update.state[0] + at).plus(share1, times: g - span.load(update.state[0] + at))
            var v = beta2 * span.load(update.state[1] + at) + share2 * g * g
            span.store(m, update.state[0] + at)
            span.store(v, update.state[1] + at)
            if keepsLargest {
                let largest = span.load(update.state[2] + at)
                v = largest.replacing(with: v, where: v .> largest)
                span.store(v, update.state[2] + at)
            }
            span.store(p.plus(size, times: m / (v.squareRoot() * correction + epsilon)), update.parameters + at)
        }
    }
}
