import Kernels

/// Long short-term memory in the form of Gers et al. (2000), without peepholes; PyTorch's `nn.LSTM`, gate order i, f, g, o:
///
///     i, f, o = σ(W_x x + W_h h + b)    g = tanh(W_x x + W_h h + b)
///     c = f·c' + i·g                    h = o·tanh(c)
///
/// Sources: Hochreiter & Schmidhuber (1997), section 4; Gers, Schmidhuber & Cummins (2000), section 3 (the forget gate);
/// Zaremba et al. (2014), section 3.
package enum LSTMCell: Cell {
    package static let name = "lstm"
    package static let gates = 4
    package static let separateGates = 0
    package static let hasCellState = true
    package static let forgetGate: Int? = 1
    package static let inputGate: Int? = 0

    /// Keeps tanh(c) for the backward pass.
    package static func forward(_ step: CellStep) {
        let H = step.hiddenSize
        for row in 0..<step.rows {
            let z = step.gates + row * 4 * H
            let at = row * H
            forEachVector(of: H) { u, span in
                let i = span.load(z + u).sigmoid
                let f = span.load(z + H + u).sigmoid
                let g = span.load(z + 2 * H + u).hyperbolicTangent
                let o = span.load(z + 3 * H + u).sigmoid
                let c = (i * g).plus(f, times: span.load(step.previousCell + at + u))
                let tanhC = c.hyperbolicTangent
                span.store(i, z + u)
                span.store(f, z + H + u)
                span.store(g, z + 2 * H + u)
                span.store(o, z + 3 * H + u)
                span.store(c, step.cell + at + u)
                span.store(tanhC, step.kept + at + u)
                span.store(o * tanhC, step.hidden + at + u)
            }
        }
    }

    package static func backward(_ step: CellStep, _ gradients: CellGradients) {
        let H = step.hiddenSize
        for row in 0..<step.rows {
            let z = step.gates + row * 4 * H
            let at = row * H
            forEachVector(of: H) { u, span in
                let i = span.load(z + u)
                let f = span.load(z + H + u)
                let g = span.load(z + 2 * H + u)
                let o = span.load(z + 3 * H + u)
                let tanhC = span.load(step.kept + at + u)
                let dh = span.load(gradients.hidden + at + u)
                let dc = span.load(gradients.cell + at + u).plus(dh * o, times: 1 - tanhC * tanhC)
                span.store(dc * g * i * (1 - i), z + u)
                span.store(dc * span.load(step.previousCell + at + u) * f * (1 - f), z + H + u)
                span.store(dc * i * (1 - g * g), z + 2 * H + u)
                span.store(dh * tanhC * o * (1 - o), z + 3 * H + u)
                span.store(dc * f, gradients.cell + at + u)
                span.store(.zero, gradients.hidden + at + u)
            }
        }
    }
}
