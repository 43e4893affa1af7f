import Kernels
import Recurrent

// A cell that tests how the layer handles the vectors of weights that a cell declares. It isn't in the table of cells.

/// A plain cell with a gain and a diagonal recurrence: h = tanh(g∘z + p∘h'). One slot: each vector has separate
/// rows of terms.
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

/// All cells with such vectors.
let cellsWithVectors: [any Cell.Type] = CellTable.all.filter { !$0.vectors.isEmpty } + [TestGainCell.self]

enum PlainGain: PlainFormulas {
    static func step<Number: Scalar>(_ step: PlainStep<Number>) -> (hidden: [Number], cell: [Number]) {
        let sums = step.sum(0)
        let hidden = sums.indices.map { unit in
            (step.vectors[0][unit] * sums[unit] + step.vectors[1][unit] * step.hidden[unit]).hyperbolicTangent
        }
        return (hidden, [])
    }
}
