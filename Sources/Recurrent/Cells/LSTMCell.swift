import Kernels

/// Long short-term memory in the form of Gers et al. (2000), without peepholes; PyTorch's `nn.LSTM`, gate order i, f,
/// g, o:
///
///     i, f, o = σ(W_x x + W_h h + b)    g = tanh(W_x x + W_h h + b)
///     c = f·c' + i·g                    h = o·tanh(c)
///
/// Sources: Hochreiter & Schmidhuber (1997), section 4; Gers, Schmidhuber & Cummins (2000), section 3 (the forget
/// gate); Zaremba et al. (2014), section 3.
package enum LSTMCell: Cell {
    package static let name = "lstm"
    package static let gates = 4
    package static let gateOfSlot = [0, 1, 2, 3]
    package static let inputSlots = 0..<4
    package static let hiddenSlots = 0..<4
    package static let hasCellState = true
    package static let forgetGate: Int? = 1
    package static let inputGate: Int? = 0

    /// Keeps tanh(c) for the backward pass.
    package static func forward(_ step: CellStep) {
        let L = Vector.lanes
        for (z, u, _) in step.places {
            let i = Vector(at: z).sigmoid
            let f = Vector(at: z + L).sigmoid
            let g = Vector(at: z + 2 * L).hyperbolicTangent
            let o = Vector(at: z + 3 * L).sigmoid
            let c = (i * g).plus(f, times: Vector(at: step.previousCell + u))
            let tanhC = c.hyperbolicTangent
            i.store(to: z)
            f.store(to: z + L)
            g.store(to: z + 2 * L)
            o.store(to: z + 3 * L)
            c.store(to: step.cell + u)
            tanhC.store(to: step.kept + u)
            (o * tanhC).store(to: step.hidden + u)
            step.prefetchNextTile(step.previousCell + u)
            step.prefetchNextTile(step.cell + u)
            step.prefetchNextTile(step.kept + u)
            step.prefetchNextTile(step.hidden + u)
        }
    }

    package static func backward(_ step: CellStep, _ gradients: CellGradients) {
        let L = Vector.lanes
        for (z, u, _) in step.places {
            let i = Vector(at: z)
            let f = Vector(at: z + L)
            let g = Vector(at: z + 2 * L)
            let o = Vector(at: z + 3 * L)
            let tanhC = Vector(at: step.kept + u)
            let dh = Vector(at: gradients.hidden + u)
            let dc = Vector(at: gradients.cell + u).plus(dh * o, times: 1 - tanhC * tanhC)
            (dc * g * i * (1 - i)).store(to: z)
            (dc * Vector(at: step.previousCell + u) * f * (1 - f)).store(to: z + L)
            (dc * i * (1 - g * g)).store(to: z + 2 * L)
            (dh * tanhC * o * (1 - o)).store(to: z + 3 * L)
            (dc * f).store(to: gradients.cell + u)
            step.prefetchNextTile(step.previousCell + u)
            step.prefetchNextTile(step.kept + u)
            step.prefetchNextTile(gradients.cell + u)
            step.prefetchNextTile(gradients.hidden + u)
        }
    }
}
