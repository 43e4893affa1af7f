import Recurrent
import Tensors

extension NetworkCase {
    /// The loss in Double, at any parameters.
    func plainLoss(_ parameters: [String: [Double]], _ cell: PlainCell) -> Double {
        PlainNetwork(configuration, cell.inDouble, parameters, mask: mask).run(batch, from: state).loss
    }

    /// The case's parameters in Double, by tensor.
    var plainParameters: [String: [Double]] {
        Dictionary(
            uniqueKeysWithValues: configuration.layout.tensors.map { tensor in
                (tensor.name, parameters[tensor.range].map { Double($0) })
            })
    }

    /// Loss, state after the window and gradients in Double, by the tape.
    func plainRun(_ cell: PlainCell) -> (loss: Double, state: PlainState, gradients: [String: [Double]]) {
        let tape = Tape()
        let variables = plainParameters.mapValues { tensor in tensor.map { tape.variable($0) } }
        let result = PlainNetwork(configuration, cell.traced, variables, mask: mask).run(batch, from: state)
        let derivatives = tape.derivatives(of: result.loss)
        let gradients = variables.mapValues { tensor in tensor.map { derivatives[$0.place] } }
        return (result.loss.value, result.state, gradients)
    }

    /// The gradient of one tensor by central differences of the Double loss.
    func differences(of name: String, _ cell: PlainCell) -> [Double] {
        var parameters = plainParameters
        let values = parameters[name] ?? []
        return values.indices.map { index in
            let slope = centralDifference { change in
                parameters[name]?[index] = values[index] + change
                return plainLoss(parameters, cell)
            }
            parameters[name]?[index] = values[index]
            return slope
        }
    }
}

/// The derivative of `value` at 0, with steps h and 2h: the error is of the order h^4, so h can be large enough for
/// rounding not to matter.
func centralDifference(_ value: (_ change: Double) -> Double) -> Double {
    let h = 0x1p-10
    return (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
}

/// |a - b| / |b|; 0 if both are zero.
func relativeDistance(_ a: [Double], _ b: [Double]) -> Double {
    let distance = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    let size = b.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return distance == 0 && a.count == b.count ? 0 : distance / size
}
