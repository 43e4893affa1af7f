import Kernels

/// A recurrent cell: the elementwise part of one step, forward beside backward, and what the layer must know of it.
///
/// The layer does the products; a cell turns pre-activations into a new hidden state and, backward, the gradient of that
/// state into gradients of the pre-activations, for the units of one tile (see `GateLayout`). Legend: B rows (sequences),
/// H hidden units, G gates. A new cell is one file beside this one and one line in `CellTable`.
package protocol Cell: Sendable {
    /// The word of `model.cell`.
    static var name: String { get }
    /// G: blocks of H weight rows, in PyTorch's order.
    static var gates: Int { get }
    /// The gate of each slot of a tile: 1 or 4 slots. A gate whose two products stay apart has two (GRU's candidate).
    static var gateOfSlot: [Int] { get }
    /// The slots that receive W_x x + b_x, and those that receive W_h h + b_h: each gate once in each.
    static var inputSlots: Range<Int> { get }
    static var hiddenSlots: Range<Int> { get }
    /// Whether a second state c travels beside h.
    static var hasCellState: Bool { get }
    /// The gate that `model.init.forget_bias` is about, and the one that chrono initialisation sets to its negative.
    static var forgetGate: Int? { get }
    static var inputGate: Int? { get }

    static func forward(_ step: CellStep)
    static func backward(_ step: CellStep, _ gradients: CellGradients)
}

/// Pointers into the activations of one step and one tile.
///
/// Row b of an array of units begins `pitch` floats after row b - 1. Units are whole vectors: those beyond H compute with
/// zeros and give zeros.
package struct CellStep {
    let rows: Int
    /// Vectors of units.
    let vectors: Int
    /// `[B, slots, units]`, rows of `GateLayout.width`: forward, in: pre-activations; out: the gates' values. Backward, in:
    /// those values; out: the gradients of the pre-activations.
    let gates: UnsafeMutablePointer<Float>
    /// `[B, units]`: the cell's own memory from the forward to the backward pass.
    let kept: UnsafeMutablePointer<Float>
    /// `[B, units]`: h and c of the step before, and of this one. c only for a cell with that state.
    let previousHidden: UnsafePointer<Float>
    let hidden: UnsafeMutablePointer<Float>
    let previousCell: UnsafePointer<Float>
    let cell: UnsafeMutablePointer<Float>
    let pitch: Int

    /// The place of each vector of units: among the gates (of slot 0), and among the units.
    ///
    /// A sequence and not a closure's caller, so that a cell's loop is one function, whose constants stay in registers.
    @inline(__always)
    var places: Places { Places(step: self) }

    /// Brings what the same row of the next tile needs into the cache, given the place of this one's. Rows are too far apart
    /// for the processor to foresee it: a seventh of the cell's time forward, a quarter backward (128 units, Zen 4).
    @inline(__always)
    func prefetchNextTile(_ place: UnsafePointer<Float>) { prefetch(place + vectors &* Vector.lanes) }

    struct Places: Sequence, IteratorProtocol {
        private let step: CellStep
        private var row = 0
        private var vector = 0

        @inline(__always)
        init(step: CellStep) { self.step = step }

        @inline(__always)
        mutating func next() -> (gates: UnsafeMutablePointer<Float>, unit: Int)? {
            if vector == step.vectors {
                vector = 0
                row &+= 1
            }
            guard row < step.rows else { return nil }
            let unit = vector &* Vector.lanes
            vector &+= 1
            return (step.gates + (row &* GateLayout.width &+ unit), row &* step.pitch &+ unit)
        }
    }
}

/// Gradients that go backward in time, `[B, units]` with the step's pitch.
package struct CellGradients {
    /// Of this step's h: from the layer above and from the next step.
    let hidden: UnsafePointer<Float>
    /// Of the step before's h: what reaches it past the recurrent product is added (the layer adds the product's part).
    let previousHidden: UnsafeMutablePointer<Float>
    /// In: of this step's c from the next step. Out: of the step before's c.
    let cell: UnsafeMutablePointer<Float>
}

/// All cells there are. Tests walk this table.
package enum CellTable {
    package static let all: [any Cell.Type] = [LSTMCell.self, GRUCell.self, RNNCell.self]

    package static func cell(named name: String) -> (any Cell.Type)? { all.first { $0.name == name } }
}
