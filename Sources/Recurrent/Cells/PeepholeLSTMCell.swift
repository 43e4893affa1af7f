import Kernels

/// `LSTMCell` with peepholes: each unit's gates also see its own c, through the weights p.
///
///     i, f = σ(W_x x + W_h h + b + p∘c')    g = tanh(W_x x + W_h h + b)
///     c = f·c' + i·g    o = σ(W_x x + W_h h + b + p_o∘c)    h = o·tanh(c)
///
/// Source: Gers & Schmidhuber (2000), "Recurrent nets that time and count", section 2.
package enum PeepholeLSTMCell: Cell {
    package static let name = "lstm-peephole"
    package static let gates = 4
    package static let gateOfSlot = [0, 1, 2, 3]
    package static let inputSlots = 0..<4
    package static let hiddenSlots = 0..<4
    package static let hasCellState = true
    package static let forgetGate: Int? = 1
    package static let inputGate: Int? = 0
    package static let vectors = [CellVector("peephole_i"), CellVector("peephole_f"), CellVector("peephole_o")]

    /// Keeps tanh(c) for the backward pass.
    package static func forward(_ step: CellStep) {
        let L = Vector.lanes
        let (pi, pf, po) = (step.vector(0), step.vector(1), step.vector(2))
        for (z, u, column) in step.places {
            let previous = Vector(at: step.previousCell + u)
            let i = Vector(at: z).plus(previous, times: Vector(at: pi + column)).sigmoid
            let f = Vector(at: z + L).plus(previous, times: Vector(at: pf + column)).sigmoid
            let g = Vector(at: z + 2 * L).hyperbolicTangent
            let c = (i * g).plus(f, times: previous)
            let o = Vector(at: z + 3 * L).plus(c, times: Vector(at: po + column)).sigmoid
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
        let (pi, pf, po) = (step.vector(0), step.vector(1), step.vector(2))
        let (ti, tf, to) = (step.terms(0), step.terms(1), step.terms(2))
        for (z, u, column) in step.places {
            let (i, f) = (Vector(at: z), Vector(at: z + L))
            let (g, o) = (Vector(at: z + 2 * L), Vector(at: z + 3 * L))
            let tanhC = Vector(at: step.kept + u)
            let previous = Vector(at: step.previousCell + u)
            let dh = Vector(at: gradients.hidden + u)
            let dzo = dh * tanhC * o * (1 - o)
            let dc = Vector(at: gradients.cell + u).plus(dh * o, times: 1 - tanhC * tanhC)
                .plus(dzo, times: Vector(at: po + column))
            let dzi = dc * g * i * (1 - i)
            let dzf = dc * previous * f * (1 - f)
            let place = z - step.gates
            (dzi * previous).store(to: ti + place)
            (dzf * previous).store(to: tf + place)
            (dzo * Vector(at: step.cell + u)).store(to: to + place)
            dzi.store(to: z)
            dzf.store(to: z + L)
            (dc * i * (1 - g * g)).store(to: z + 2 * L)
            dzo.store(to: z + 3 * L)
            (dc * f).plus(dzi, times: Vector(at: pi + column)).plus(dzf, times: Vector(at: pf + column))
                .store(to: gradients.cell + u)
            step.prefetchNextTile(step.previousCell + u)
            step.prefetchNextTile(step.cell + u)
            step.prefetchNextTile(step.kept + u)
            step.prefetchNextTile(gradients.cell + u)
            step.prefetchNextTile(gradients.hidden + u)
        }
    }
}
