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
    /// The candidate's two products are at the ends, so that each product's gates are neighbours.
    package static let gateOfSlot = [2, 0, 1, 2]
    package static let inputSlots = 0..<3
    package static let hiddenSlots = 1..<4
    package static let hasCellState = false
    package static let forgetGate: Int? = nil
    package static let inputGate: Int? = nil

    package static func forward(_ step: CellStep) {
        let L = Vector.lanes
        for (a, u, _) in step.places {
            let r = Vector(at: a + L).sigmoid
            let z = Vector(at: a + 2 * L).sigmoid
            let n = Vector(at: a).plus(r, times: Vector(at: a + 3 * L)).hyperbolicTangent
            let previous = Vector(at: step.previousHidden + u)
            n.store(to: a)
            r.store(to: a + L)
            z.store(to: a + 2 * L)
            n.plus(z, times: previous - n).store(to: step.hidden + u)
            step.prefetchNextTile(step.previousHidden + u)
            step.prefetchNextTile(step.hidden + u)
        }
    }

    package static func backward(_ step: CellStep, _ gradients: CellGradients) {
        let L = Vector.lanes
        for (a, u, _) in step.places {
            let n = Vector(at: a)
            let r = Vector(at: a + L)
            let z = Vector(at: a + 2 * L)
            let product = Vector(at: a + 3 * L)
            let dh = Vector(at: gradients.hidden + u)
            let dn = dh * (1 - z) * (1 - n * n)
            dn.store(to: a)
            (dn * product * r * (1 - r)).store(to: a + L)
            (dh * (Vector(at: step.previousHidden + u) - n) * z * (1 - z)).store(to: a + 2 * L)
            (dn * r).store(to: a + 3 * L)
            Vector(at: gradients.previousHidden + u).plus(dh, times: z).store(to: gradients.previousHidden + u)
            step.prefetchNextTile(gradients.hidden + u)
            step.prefetchNextTile(step.previousHidden + u)
            step.prefetchNextTile(gradients.previousHidden + u)
        }
    }
}
