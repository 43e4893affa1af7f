import Kernels

/// Gated recurrent unit as in PyTorch's `nn.GRU`, gate order r, z, n:
///
///     r, z = σ(W_x x + W_h h' + b)    n = tanh(W_x x + b_x + r·(W_h h' + b_h))    h = (1 - z)·n + z·h'
///
/// Sources: Cho et al. (2014), section 2.3; the reset gate after the product as in Chung et al. (2014), section 3.2's
/// variant that PyTorch and cuDNN compute. (Cho's z is 1 - z here.)
package enum GRUCell: Cell {
    package static let name = "gru"
    package static let gates = 3
    package static let separateGates = 1
    package static let hasCellState = false
    package static let forgetGate: Int? = nil
    package static let inputGate: Int? = nil

    package static func forward(_ step: CellStep) {
        let H = step.hiddenSize
        for row in 0..<step.rows {
            let a = step.gates + row * 3 * H
            let at = row * H
            forEachVector(of: H) { u, span in
                let r = span.load(a + u).sigmoid
                let z = span.load(a + H + u).sigmoid
                let n = span.load(a + 2 * H + u).plus(r, times: span.load(step.kept + at + u)).hyperbolicTangent
                let previous = span.load(step.previousHidden + at + u)
                span.store(r, a + u)
                span.store(z, a + H + u)
                span.store(n, a + 2 * H + u)
                span.store(n.plus(z, times: previous - n), step.hidden + at + u)
            }
        }
    }

    package static func backward(_ step: CellStep, _ gradients: CellGradients) {
        let H = step.hiddenSize
        for row in 0..<step.rows {
            let a = step.gates + row * 3 * H
            let at = row * H
            forEachVector(of: H) { u, span in
                let r = span.load(a + u)
                let z = span.load(a + H + u)
                let n = span.load(a + 2 * H + u)
                let product = span.load(step.kept + at + u)
                let dh = span.load(gradients.hidden + at + u)
                let dn = dh * (1 - z) * (1 - n * n)
                span.store(dn * product * r * (1 - r), a + u)
                span.store(dh * (span.load(step.previousHidden + at + u) - n) * z * (1 - z), a + H + u)
                span.store(dn, a + 2 * H + u)
                span.store(dn * r, step.kept + at + u)
                span.store(dh * z, gradients.hidden + at + u)
            }
        }
    }
}
