import Kernels
import Tensors

/// One recurrent layer over a window: forward, and back-propagation through time below it.
///
/// Legend: T window, B sequences, I input width, H hidden, G gates, S separate gates (see `Cell`), J = (G - S) H the gate
/// rows whose input and recurrent products are one sum. Activations are `[T, B, …]` row-major; h and c have T + 1 steps,
/// the first of them the state before the window.
struct RecurrentLayer {
    let cell: any Cell.Type
    let inputSize: Int
    let hiddenSize: Int
    let weights: Weights
    let gradients: Weights
    /// `[G H]`: b_x + b_h, of separate gates b_x alone. Made by `pack`.
    let bias: FloatBlock

    /// Pointers to a layer's four tensors, in the parameters or in the gradients.
    struct Weights {
        let inputWeight: UnsafeMutablePointer<Float>  // [G H, I]
        let hiddenWeight: UnsafeMutablePointer<Float>  // [G H, H]
        let inputBias: UnsafeMutablePointer<Float>  // [G H]
        let hiddenBias: UnsafeMutablePointer<Float>  // [G H]

        init(layer: Int, of layout: TensorLayout, in block: FloatBlock) {
            func pointer(_ name: String) -> UnsafeMutablePointer<Float> {
                guard let tensor = layout["rnn.\(name)_l\(layer)"] else {
                    preconditionFailure("no tensor rnn.\(name)_l\(layer)")
                }
                return block.pointer + tensor.offset
            }
            inputWeight = pointer("weight_ih")
            hiddenWeight = pointer("weight_hh")
            inputBias = pointer("bias_ih")
            hiddenBias = pointer("bias_hh")
        }
    }

    init(_ layer: Int, of configuration: NetworkConfiguration, parameters: FloatBlock, gradients: FloatBlock) {
        cell = configuration.cell
        inputSize = configuration.inputSize(ofLayer: layer)
        hiddenSize = configuration.hiddenSize
        let layout = configuration.layout
        weights = Weights(layer: layer, of: layout, in: parameters)
        self.gradients = Weights(layer: layer, of: layout, in: gradients)
        bias = FloatBlock(count: configuration.cell.gates * configuration.hiddenSize)
    }

    private var gateRows: Int { cell.gates * hiddenSize }
    private var jointRows: Int { (cell.gates - cell.separateGates) * hiddenSize }
    private var separateRows: Int { cell.separateGates * hiddenSize }

    /// Adds the two biases; once an update.
    func pack() {
        bias.pointer.update(from: weights.inputBias, count: gateRows)
        bias[0..<jointRows].add(weights.hiddenBias)
    }

    /// Reads `input` `[T B, I]`, starts from step 0 of the activations' h and c, and fills the other T steps.
    func forward(_ input: UnsafeMutablePointer<Float>, _ a: LayerActivations) {
        let gates = Matrix(a.gates.pointer, rows: a.window * a.sequences, columns: gateRows)
        gates.setRows(to: bias.pointer)
        gates.setProduct(
            Matrix(input, rows: gates.rows, columns: inputSize),
            Matrix(weights.inputWeight, rows: gateRows, columns: inputSize).transposed, adding: true)
        for t in 0..<a.window {
            let previous = Matrix(a.hiddenStep(t), rows: a.sequences, columns: hiddenSize)
            Matrix(a.gateStep(t), rows: a.sequences, columns: jointRows, pitch: gateRows)
                .setProduct(previous, jointHiddenWeight.transposed, adding: true)
            if separateRows > 0 {
                let kept = Matrix(a.keptStep(t), rows: a.sequences, columns: separateRows)
                kept.setRows(to: weights.hiddenBias + jointRows)
                kept.setProduct(previous, separateHiddenWeight.transposed, adding: true)
            }
            cell.forward(a.step(t))
        }
    }

    /// Reads the gradient of the layer's output `[T B, H]`, adds to (or sets) the gradients of the weights, and writes
    /// the gradient of the input `[T B, I]` where wanted. The activations hold gradients afterwards.
    ///
    /// The state before the window is a constant: back-propagation is truncated there.
    func backward(
        _ input: UnsafeMutablePointer<Float>, _ outputGradient: UnsafeMutablePointer<Float>, _ a: LayerActivations,
        inputGradient: UnsafeMutablePointer<Float>?, adding: Bool
    ) {
        let dh = Matrix(a.hiddenGradient.pointer, rows: a.sequences, columns: hiddenSize)
        let carried = UnsafeMutableBufferPointer(start: dh.pointer, count: a.sequences * hiddenSize)
        a.hiddenGradient.clear()
        a.cellGradient.clear()
        for t in (0..<a.window).reversed() {
            carried.add(outputGradient + t * a.sequences * hiddenSize)
            cell.backward(a.step(t), CellGradients(hidden: dh.pointer, cell: a.cellGradient.pointer))
            if t > 0 {
                dh.setProduct(
                    Matrix(a.gateStep(t), rows: a.sequences, columns: jointRows, pitch: gateRows), jointHiddenWeight,
                    adding: true)
                if separateRows > 0 {
                    dh.setProduct(
                        Matrix(a.keptStep(t), rows: a.sequences, columns: separateRows), separateHiddenWeight,
                        adding: true)
                }
            }
        }
        weightGradients(input, a, adding: adding)
        if let inputGradient {
            Matrix(inputGradient, rows: a.window * a.sequences, columns: inputSize)
                .setProduct(gateGradients(a), Matrix(weights.inputWeight, rows: gateRows, columns: inputSize))
        }
    }

    /// The products over all steps at once.
    private func weightGradients(_ input: UnsafeMutablePointer<Float>, _ a: LayerActivations, adding: Bool) {
        let rows = a.window * a.sequences
        let previous = Matrix(a.hidden.pointer, rows: rows, columns: hiddenSize)
        let all = gateGradients(a)
        let joint = Matrix(a.gates.pointer, rows: rows, columns: jointRows, pitch: gateRows)
        Matrix(gradients.inputWeight, rows: gateRows, columns: inputSize)
            .setProduct(all.transposed, Matrix(input, rows: rows, columns: inputSize), adding: adding)
        all.sumOfRows(into: gradients.inputBias, adding: adding)
        Matrix(gradients.hiddenWeight, rows: jointRows, columns: hiddenSize)
            .setProduct(joint.transposed, previous, adding: adding)
        joint.sumOfRows(into: gradients.hiddenBias, adding: adding)
        guard separateRows > 0 else { return }
        let kept = Matrix(a.kept.pointer, rows: rows, columns: separateRows)
        Matrix(gradients.hiddenWeight + jointRows * hiddenSize, rows: separateRows, columns: hiddenSize)
            .setProduct(kept.transposed, previous, adding: adding)
        kept.sumOfRows(into: gradients.hiddenBias + jointRows, adding: adding)
    }

    private func gateGradients(_ a: LayerActivations) -> Matrix {
        Matrix(a.gates.pointer, rows: a.window * a.sequences, columns: gateRows)
    }

    private var jointHiddenWeight: Matrix { Matrix(weights.hiddenWeight, rows: jointRows, columns: hiddenSize) }

    private var separateHiddenWeight: Matrix {
        Matrix(weights.hiddenWeight + jointRows * hiddenSize, rows: separateRows, columns: hiddenSize)
    }
}
