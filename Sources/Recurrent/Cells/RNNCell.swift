import Kernels

/// The plain recurrent network, PyTorch's `nn.RNN`: h = tanh(W_x x + W_h h' + b). Source: Elman (1990).
package enum RNNCell: Cell {
    package static let name = "rnn"
    package static let gates = 1
    package static let gateOfSlot = [0]
    package static let inputSlots = 0..<1
    package static let hiddenSlots = 0..<1
    package static let hasCellState = false
    package static let forgetGate: Int? = nil
    package static let inputGate: Int? = nil

    package static func forward(_ step: CellStep) {
        for (z, u, _) in step.places {
            let h = Vector(at: z).hyperbolicTangent
            h.store(to: z)
            h.store(to: step.hidden + u)
            step.prefetchNextTile(step.hidden + u)
        }
    }

    package static func backward(_ step: CellStep, _ gradients: CellGradients) {
        for (z, u, _) in step.places {
            let h = Vector(at: z)
            (Vector(at: gradients.hidden + u) * (1 - h * h)).store(to: z)
            step.prefetchNextTile(gradients.hidden + u)
        }
    }
}
