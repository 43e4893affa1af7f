package import ConfigFile
import Glibc
import Kernels

/// r = m̂ / (√v̂ + ε) + decay · θ, with adam's m̂ and v̂; θ -= rate · (‖θ‖ / ‖r‖) · r, where both norms are of the
/// whole tensor. Source: You et al. (2020), "Large batch optimization for deep learning: training BERT in 76 minutes",
/// algorithm 2, with φ(z) = z.
package struct LAMB: TensorwiseRule {
    package static let name = "lamb"
    package static let sharedKeys: [SharedOptimizerKey: ConfigValue?] = [.betas: nil, .eps: .number(1e-6)]
    package static let weightDecay = 0.01
    package let slots: [(name: String, initial: Float)] = [("exp_avg", 0), ("exp_avg_sq", 0)]

    private let decay: Float
    private let betas: (Double, Double)
    private let epsilon: Float

    package init(_ configuration: Configuration) {
        decay = configuration.optimizerNumber("weight_decay")
        let values = configuration.numbers("training.optimizer.betas")
        betas = (values[0], values[1])
        epsilon = configuration.optimizerNumber("eps")
    }

    package func measure(_ update: Update) -> TensorSquares {
        let (share1, beta2, share2) = (Vector(repeating: Float(1 - betas.0)), Float(betas.1), Float(1 - betas.1))
        let factor = Vector(repeating: update.scale)
        let direction = Direction(self, update)
        var (parameters, directions) = (Vector.zero, Vector.zero)
        forEachVector(in: update.range) { at, span in
            let p = span.load(update.parameters + at)
            let g = span.load(update.gradients + at) * factor
            let previous = span.load(update.state[0] + at)
            let m = previous.plus(share1, times: g - previous)
            let v = beta2 * span.load(update.state[1] + at) + share2 * g * g
            span.store(m, update.state[0] + at)
            span.store(v, update.state[1] + at)
            let r = direction.of(p, m, v)
            parameters = parameters.plus(p, times: p)
            directions = directions.plus(r, times: r)
        }
        return TensorSquares(parameters: Double(parameters.sum()), directions: Double(directions.sum()))
    }

    /// 1 for a tensor of zeros, which would otherwise never change.
    package func factor(_ squares: TensorSquares) -> Double {
        squares.parameters > 0 && squares.directions > 0 ? (squares.parameters / squares.directions).squareRoot() : 1
    }

    package func apply(_ update: Update) {
        let rate = Vector(repeating: Float(-update.rate))
        let direction = Direction(self, update)
        forEachVector(in: update.range) { at, span in
            let p = span.load(update.parameters + at)
            let r = direction.of(p, span.load(update.state[0] + at), span.load(update.state[1] + at))
            span.store(p.plus(rate, times: r), update.parameters + at)
        }
    }

    /// r as a function of θ, m and v; computed twice, so that it needs no memory.
    private struct Direction {
        private let size: Vector
        private let correction: Float
        private let epsilon: Float
        private let decay: Vector

        init(_ rule: LAMB, _ update: Update) {
            size = Vector(repeating: Float(1 / (1 - pow(rule.betas.0, Double(update.number)))))
            correction = Float(1 / (1 - pow(rule.betas.1, Double(update.number))).squareRoot())
            epsilon = rule.epsilon
            decay = Vector(repeating: rule.decay)
        }

        @inline(__always)
        func of(_ p: Vector, _ m: Vector, _ v: Vector) -> Vector {
            (size * m / (v.squareRoot() * correction + epsilon)).plus(decay, times: p)
        }
    }
}
