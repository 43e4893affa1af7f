import Kernels

/// The plain recurrent network, PyTorch's `nn.RNN`: h = tanh(W_x x + W_h h' + b). Source: Elman (1990).
package enum RNNCell: Cell {
    package static let name = "rnn"
    package static let gates = 1
    package static let separateGates = 0
    package static let hasCellState = false
    package static let forgetGate: Int? = nil
    package static let inputGate: Int? = nil

    package static func forward(_ step: CellStep) {
        forEachVector(of: step.rows * step.hiddenSize) { u, span in
            let h = span.load(step.gates + u).hyperbolicTangent
            span.store(h, step.gates + u)
            span.store(h, step.hidden + u)
        }
    }

    package static func backward(_ step: CellStep, _ gradients: CellGradients) {
        forEachVector(of: step.rows * step.hiddenSize) { u, span in
            let h = span.load(step.gates + u)
            span.store(span.load(gradients.hidden + u) * (1 - h * h), step.gates + u)
            span.store(.zero, gradients.hidden + u)
        }
    }
}
