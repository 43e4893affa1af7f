/// A recurrent cell: the elementwise part of one step, forward beside backward, and what the layer must know of it.
///
/// The layer does the products; a cell turns pre-activations into a new hidden state and, backward, the gradient of that
/// state into gradients of the pre-activations. Legend: B rows (sequences), H hidden units, G gates; every array is
/// row-major, one row a sequence. A new cell is one file beside this one and one line in `CellTable`.
package protocol Cell: Sendable {
    /// The word of `model.cell`.
    static var name: String { get }
    /// G: blocks of H weight rows, in PyTorch's order.
    static var gates: Int { get }
    /// The last of the gates whose recurrent product W_h h + b_h stays apart from the input's (GRU's candidate): 0 or 1.
    static var separateGates: Int { get }
    /// Whether a second state c travels beside h.
    static var hasCellState: Bool { get }
    /// The gate that `model.init.forget_bias` is about, and the one that chrono initialisation sets to its negative.
    static var forgetGate: Int? { get }
    static var inputGate: Int? { get }

    static func forward(_ step: CellStep)
    static func backward(_ step: CellStep, _ gradients: CellGradients)
}

/// Pointers into the activations of one step; all rows of a step are consecutive.
package struct CellStep {
    let rows: Int
    let hiddenSize: Int
    /// `[B, G H]`: forward, in: pre-activations, with both biases (of a separate gate only the input's part); out: the
    /// gates' values. Backward, in: those values; out: the gradients of the pre-activations.
    let gates: UnsafeMutablePointer<Float>
    /// `[B, H]`: a separate gate's W_h h + b_h; backward, out: its gradient. Otherwise the cell's own memory from the
    /// forward to the backward pass.
    let kept: UnsafeMutablePointer<Float>
    /// `[B, H]`: h and c of the step before, and of this one. c only for a cell with that state.
    let previousHidden: UnsafePointer<Float>
    let hidden: UnsafeMutablePointer<Float>
    let previousCell: UnsafePointer<Float>
    let cell: UnsafeMutablePointer<Float>
}

/// Gradients that go backward in time.
package struct CellGradients {
    /// `[B, H]`, in: of this step's h, from the layer above and from the next step. Out: what reaches the step before
    /// past the recurrent product (the layer adds the product's part).
    let hidden: UnsafeMutablePointer<Float>
    /// `[B, H]`, in: of this step's c from the next step. Out: of the step before's c.
    let cell: UnsafeMutablePointer<Float>
}

/// All cells there are. Tests walk this table.
package enum CellTable {
    package static let all: [any Cell.Type] = [LSTMCell.self, GRUCell.self, RNNCell.self]

    package static func cell(named name: String) -> (any Cell.Type)? { all.first { $0.name == name } }
}
