import Kernels
import Recurrent

// Cells that declare vectors of weights, for the tests of what the layer does with them. No table has them.

/// An LSTM with peepholes: i, f = σ(z + p∘c'), g = tanh(z), c = f∘c' + i∘g, o = σ(z + p_o∘c), h = o∘tanh(c).
/// Source: Gers & Schmidhuber (2000), section 2. Four slots: its three vectors share a row of terms.
enum TestPeepholeCell: Cell {
    static let name = "test-peephole"
    static let gates = 4
    static let gateOfSlot = [0, 1, 2, 3]
    static let inputSlots = 0..<4
    static let hiddenSlots = 0..<4
    static let hasCellState = true
    static let forgetGate: Int? = 1
    static let inputGate: Int? = 0
    static let vectors = [CellVector("peephole_i"), CellVector("peephole_f"), CellVector("peephole_o")]

    static func forward(_ step: CellStep) {
        let L = Vector.lanes
        let (pi, pf, po) = (step.vector(0), step.vector(1), step.vector(2))
        for (z, u, column) in step.places {
            let previous = Vector(at: step.previousCell + u)
            let i = Vector(at: z).plus(previous, times: Vector(at: pi + column)).sigmoid
            let f = Vector(at: z + L).plus(previous, times: Vector(at: pf + column)).sigmoid
            let g = Vector(at: z + 2 * L).hyperbolicTangent
            let c = (i * g).plus(f, times: previous)
            let o = Vector(at: z + 3 * L).plus(c, times: Vector(at: po + column)).sigmoid
            i.store(to: z)
            f.store(to: z + L)
            g.store(to: z + 2 * L)
            o.store(to: z + 3 * L)
            c.store(to: step.cell + u)
            c.hyperbolicTangent.store(to: step.kept + u)
            (o * c.hyperbolicTangent).store(to: step.hidden + u)
        }
    }

    static func backward(_ step: CellStep, _ gradients: CellGradients) {
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
            let dc = (Vector(at: gradients.cell + u) + dh * o * (1 - tanhC * tanhC))
                .plus(dzo, times: Vector(at: po + column))
            let dzi = dc * g * i * (1 - i)
            let dzf = dc * previous * f * (1 - f)
            dzi.store(to: z)
            dzf.store(to: z + L)
            (dc * i * (1 - g * g)).store(to: z + 2 * L)
            dzo.store(to: z + 3 * L)
            (dzi * previous).store(to: ti + (z - step.gates))
            (dzf * previous).store(to: tf + (z - step.gates))
            (dzo * Vector(at: step.cell + u)).store(to: to + (z - step.gates))
            (dc * f).plus(dzi, times: Vector(at: pi + column)).plus(dzf, times: Vector(at: pf + column))
                .store(to: gradients.cell + u)
        }
    }
}

/// A plain cell with a gain and a diagonal recurrence: h = tanh(g∘z + p∘h'). One slot: each vector has rows of terms to
/// itself.
enum TestGainCell: Cell {
    static let name = "test-gain"
    static let gates = 1
    static let gateOfSlot = [0]
    static let inputSlots = 0..<1
    static let hiddenSlots = 0..<1
    static let hasCellState = false
    static let forgetGate: Int? = nil
    static let inputGate: Int? = nil
    static let vectors = [CellVector("gain", .constant(1)), CellVector("diagonal")]

    static func forward(_ step: CellStep) {
        for (z, u, column) in step.places {
            let sum = Vector(at: z)
            let h = (sum * Vector(at: step.vector(0) + column))
                .plus(Vector(at: step.vector(1) + column), times: Vector(at: step.previousHidden + u)).hyperbolicTangent
            sum.store(to: step.kept + u)
            h.store(to: step.hidden + u)
        }
    }

    static func backward(_ step: CellStep, _ gradients: CellGradients) {
        for (z, u, column) in step.places {
            let h = Vector(at: step.hidden + u)
            let da = Vector(at: gradients.hidden + u) * (1 - h * h)
            (da * Vector(at: step.vector(0) + column)).store(to: z)
            (da * Vector(at: step.kept + u)).store(to: step.terms(0) + (z - step.gates))
            (da * Vector(at: step.previousHidden + u)).store(to: step.terms(1) + (z - step.gates))
            Vector(at: gradients.previousHidden + u).plus(da, times: Vector(at: step.vector(1) + column))
                .store(to: gradients.previousHidden + u)
        }
    }
}

let cellsWithVectors: [any Cell.Type] = [TestPeepholeCell.self, TestGainCell.self]

let plainCellsWithVectors: [String: PlainCell] = [
    "test-peephole": PlainCell(PlainPeephole.self),
    "test-gain": PlainCell(PlainGain.self),
]

private enum PlainPeephole: PlainFormulas {
    static func step<Number: Scalar>(_ step: PlainStep<Number>) -> (hidden: [Number], cell: [Number]) {
        var (hidden, cell): ([Number], [Number]) = ([], [])
        for (unit, previous) in step.cell.enumerated() {
            func z(_ gate: Int) -> Number { step.sum(gate)[unit] }
            func p(_ vector: Int) -> Number { step.vectors[vector][unit] }
            let i = (z(0) + p(0) * previous).sigmoid
            let f = (z(1) + p(1) * previous).sigmoid
            let c = f * previous + i * z(2).hyperbolicTangent
            cell.append(c)
            hidden.append((z(3) + p(2) * c).sigmoid * c.hyperbolicTangent)
        }
        return (hidden, cell)
    }
}

private enum PlainGain: PlainFormulas {
    static func step<Number: Scalar>(_ step: PlainStep<Number>) -> (hidden: [Number], cell: [Number]) {
        let sums = step.sum(0)
        let hidden = sums.indices.map { unit in
            (step.vectors[0][unit] * sums[unit] + step.vectors[1][unit] * step.hidden[unit]).hyperbolicTangent
        }
        return (hidden, [])
    }
}
