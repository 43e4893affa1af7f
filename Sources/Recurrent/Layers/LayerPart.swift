import Tensors

/// What the tensors and the memory of a recurrent layer follow from. Legend: I input width, H hidden, G gates.
struct LayerPart: ModelPart {
    let cell: any Cell.Type
    /// The layer's number, from 0.
    let layer: Int
    let direction: Direction
    /// The number of the part among the parts of all layers, from 0.
    let part: Int
    /// Whether both products are normalised (`LayerNorm`).
    let isNormalised: Bool
    /// I.
    let inputSize: Int
    /// H.
    let hiddenSize: Int

    /// In which order a layer reads the time steps. With both, a layer has two parts, whose outputs are joined.
    enum Direction: Int, CaseIterable {
        case forward
        /// From each sequence's last time step to its first.
        case reverse
    }

    /// What PyTorch appends to the names of a layer's tensors.
    private var suffix: String { "_l\(layer)\(direction == .reverse ? "_reverse" : "")" }

    var gateLayout: GateLayout { GateLayout(cell, hiddenSize: hiddenSize) }

    /// In the order of `RecurrentLayer.Weights`.
    var parameters: [ParameterSpec] {
        let rows = cell.gates * hiddenSize
        func biases(_ side: GateBiases.Side) -> InitialValues {
            .biases(
                GateBiases(
                    side: side, part: part, hiddenSize: hiddenSize, forgetGate: cell.forgetGate,
                    inputGate: cell.inputGate))
        }
        return [
            ParameterSpec("rnn.weight_ih\(suffix)", [rows, inputSize]),
            ParameterSpec("rnn.weight_hh\(suffix)", [rows, hiddenSize]),
            ParameterSpec("rnn.bias_ih\(suffix)", [rows], biases(.input)),
            ParameterSpec("rnn.bias_hh\(suffix)", [rows], biases(.recurrent)),
        ]
            + (isNormalised ? ["norm_ih", "norm_hh"] : []).map {
                ParameterSpec("rnn.\($0)\(suffix)", [rows], .constant(1))
            } + cell.vectors.map { ParameterSpec("rnn.\($0.name)\(suffix)", [hiddenSize], $0.initial) }
    }

    var packedCount: Int {
        FloatBlock.floats { make in
            _ = RecurrentLayer.Packed(self) { make(TensorLayout.wholeLines($0)) }
        }
    }

    /// 2 G H (I + H).
    var flops: Double { 2 * Double(cell.gates) * Double(hiddenSize) * Double(inputSize + hiddenSize) }
}
