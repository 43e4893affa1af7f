import Tensors

/// What the tensors and the memory of a recurrent layer follow from. Legend: I input width, H hidden, G gates.
struct LayerPart: ModelPart {
    let cell: any Cell.Type
    /// The layer's number, from 0.
    let layer: Int
    /// I.
    let inputSize: Int
    /// H.
    let hiddenSize: Int

    var gateLayout: GateLayout { GateLayout(cell, hiddenSize: hiddenSize) }

    /// In the order of `RecurrentLayer.Weights`.
    var parameters: [ParameterSpec] {
        let rows = cell.gates * hiddenSize
        func biases(_ side: GateBiases.Side) -> InitialValues {
            .biases(
                GateBiases(
                    side: side, layer: layer, hiddenSize: hiddenSize, forgetGate: cell.forgetGate,
                    inputGate: cell.inputGate))
        }
        return [
            ParameterSpec("rnn.weight_ih_l\(layer)", [rows, inputSize]),
            ParameterSpec("rnn.weight_hh_l\(layer)", [rows, hiddenSize]),
            ParameterSpec("rnn.bias_ih_l\(layer)", [rows], biases(.input)),
            ParameterSpec("rnn.bias_hh_l\(layer)", [rows], biases(.recurrent)),
        ] + cell.vectors.map { ParameterSpec("rnn.\($0.name)_l\(layer)", [hiddenSize], $0.initial) }
    }

    var packedCount: Int {
        FloatBlock.floats { make in
            _ = RecurrentLayer.Packed(gateLayout) { make(TensorLayout.wholeLines($0)) }
        }
    }

    /// 2 G H (I + H).
    var flops: Double { 2 * Double(cell.gates) * Double(hiddenSize) * Double(inputSize + hiddenSize) }
}
