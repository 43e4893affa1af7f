package import ConfigFile
import Kernels

/// θ -= rate · (g + decay · θ).
package struct SGD: UpdateRule {
    package static let name = "sgd"
    package let slots: [(name: String, initial: Float)] = []
    private let decay: Float
    package var restsWithoutGradient: Bool { decay == 0 }

    package init(_ configuration: Configuration) { decay = configuration.optimizerNumber("weight_decay") }

    package func update(
        _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>, scale: Float,
        _ state: [UnsafeMutablePointer<Float>], in range: Range<Int>, rate: Double, number: Int
    ) {
        let rate = Vector(repeating: Float(-rate))
        let decay = Vector(repeating: decay)
        let factor = Vector(repeating: scale)
        forEachVector(in: range) { at, span in
            let p = span.load(parameters + at)
            let g = (span.load(gradients + at) * factor).plus(decay, times: p)
            span.store(p.plus(rate, times: g), parameters + at)
        }
    }
}

/// v = m · v + (1 - dampening) · g (the first v is g), θ -= rate · v. Source: Polyak (1964), in PyTorch's form.
package struct Momentum: UpdateRule {
    package static let name = "momentum"
    package let slots: [(name: String, initial: Float)] = [("momentum_buffer", 0)]
    private let velocity: Velocity

    package init(_ configuration: Configuration) {
        velocity = Velocity(configuration, dampening: configuration.optimizerNumber("dampening"), looksAhead: false)
    }

    package func update(
        _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>, scale: Float,
        _ state: [UnsafeMutablePointer<Float>], in range: Range<Int>, rate: Double, number: Int
    ) {
        velocity.update(parameters, gradients, scale: scale, state[0], in: range, rate: rate, number: number)
    }
}

/// v = m · v + g, θ -= rate · (g + m · v). Source: Nesterov (1983), in the form of Sutskever et al. (2013) as in
/// PyTorch.
package struct Nesterov: UpdateRule {
    package static let name = "nesterov"
    package let slots: [(name: String, initial: Float)] = [("momentum_buffer", 0)]
    private let velocity: Velocity

    package init(_ configuration: Configuration) {
        velocity = Velocity(configuration, dampening: 0, looksAhead: true)
    }

    package func update(
        _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>, scale: Float,
        _ state: [UnsafeMutablePointer<Float>], in range: Range<Int>, rate: Double, number: Int
    ) {
        velocity.update(parameters, gradients, scale: scale, state[0], in: range, rate: rate, number: number)
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

    func update(
        _ parameters: UnsafeMutablePointer<Float>, _ gradients: UnsafePointer<Float>, scale: Float,
        _ velocities: UnsafeMutablePointer<Float>, in range: Range<Int>, rate: Double, number: Int
    ) {
        let rate = Vector(repeating: Float(-rate))
        let decay = Vector(repeating: decay)
        let momentum = Vector(repeating: momentum)
        let share = Vector(repeating: number == 1 ? 1 : 1 - dampening)
        let ahead = Vector(repeating: looksAhead ? 1 : 0)
        let factor = Vector(repeating: scale)
        forEachVector(in: range) { at, span in
            let p = span.load(parameters + at)
            let g = (span.load(gradients + at) * factor).plus(decay, times: p)
            let v = (share * g).plus(momentum, times: span.load(velocities + at))
            span.store(v, velocities + at)
            let direction = (ahead * g).plus(1 - ahead + ahead * momentum, times: v)
            span.store(p.plus(rate, times: direction), parameters + at)
        }
    }
}
