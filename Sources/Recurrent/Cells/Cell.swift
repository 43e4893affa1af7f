import Kernels

/// A recurrent cell: the elementwise part of one step, forward beside backward, and what the layer must know of it.
///
/// The layer computes the products. A cell turns pre-activations into a new hidden state and, backward, the gradient of
/// that state into gradients of the pre-activations, for the units of one tile (see `GateLayout`). Legend: B rows
/// (sequences), H hidden units, G gates. A new cell is one file in this folder and one line in `CellTable`.
package protocol Cell: Sendable {
    /// The value of `model.cell`.
    static var name: String { get }
    /// G: blocks of H weight rows, in PyTorch's order.
    static var gates: Int { get }
    /// The gate of each slot of a tile: 1 or 4 slots. A gate whose two products are not added has two (GRU's
    /// candidate).
    static var gateOfSlot: [Int] { get }
    /// The slots that receive W_x x + b_x, and those that receive W_h h + b_h: each gate once in each.
    static var inputSlots: Range<Int> { get }
    static var hiddenSlots: Range<Int> { get }
    /// Whether there is a second state c.
    static var hasCellState: Bool { get }
    /// The gate that `model.init.forget_bias` sets, and the one that chrono initialisation sets to its negative.
    static var forgetGate: Int? { get }
    static var inputGate: Int? { get }
    /// Vectors `[H]` of weights in addition to the layer's four tensors: peepholes, gains. Most cells have none.
    static var vectors: [CellVector] { get }

    static func forward(_ step: CellStep)
    static func backward(_ step: CellStep, _ gradients: CellGradients)
}

extension Cell {
    package static var vectors: [CellVector] { [] }
}

/// A vector of weights that a cell declares, one weight for each unit.
///
/// The cell's backward pass stores the terms of its gradient (`CellStep.terms`); the layer sums them over steps and
/// sequences, in the same order as the gradients of biases.
package struct CellVector: Sendable {
    /// The tensor is `rnn.<name>_l<layer>`.
    package let name: String
    package let initial: InitialValues

    package init(_ name: String, _ initial: InitialValues = .uniform) {
        self.name = name
        self.initial = initial
    }
}

/// Pointers into the activations of one time step and one tile.
///
/// Row b of an array of units begins `pitch` floats after row b - 1. Units are whole vectors: those beyond H compute
/// with zeros and yield zeros.
package struct CellStep {
    package let rows: Int
    /// The number of vectors of units.
    package let vectors: Int
    /// `[B, slots, units]`, rows of `GateLayout.width`: forward, in: pre-activations; out: the gates' values. Backward,
    /// in: those values; out: the gradients of the pre-activations.
    package let gates: UnsafeMutablePointer<Float>
    /// `[B, units]`: for the cell to store what its backward pass needs.
    package let kept: UnsafeMutablePointer<Float>
    /// `[B, units]`: h and c of the step before, and of this one. c only for a cell with that state.
    package let previousHidden: UnsafePointer<Float>
    package let hidden: UnsafeMutablePointer<Float>
    package let previousCell: UnsafePointer<Float>
    package let cell: UnsafeMutablePointer<Float>
    package let pitch: Int
    let ownVectors: OwnVectors

    /// The vectors that the cell declares, for the units of the tile, and the terms of their gradients.
    struct OwnVectors {
        let values: UnsafePointer<Float>
        /// Floats from one vector to the next.
        let stride: Int
        /// `[B, slots, units]`, rows of `GateLayout.width`, as the gates: a slot for each vector.
        let terms: UnsafeMutablePointer<Float>
        /// Vectors that share a row of terms, and floats from one such group to the next.
        let slots: Int
        let groupStride: Int
    }

    /// Own vector number `k`, at the tile's first unit: the `column` of a place is the index.
    @inline(__always)
    package func vector(_ k: Int) -> UnsafePointer<Float> { ownVectors.values + k &* ownVectors.stride }

    /// Where the backward pass stores the terms of the gradient of own vector `k`, one for each row and unit: a place's
    /// term is as far from here as its gates are from `gates`.
    @inline(__always)
    package func terms(_ k: Int) -> UnsafeMutablePointer<Float> {
        let (group, slot) = k.quotientAndRemainder(dividingBy: ownVectors.slots)
        return ownVectors.terms + (group * ownVectors.groupStride + slot * (GateLayout.width / ownVectors.slots))
    }

    /// The place of each vector of units: in the gates (slot 0), in arrays of units, and in the tile's own vectors.
    ///
    /// A sequence instead of a function with a closure, so that a cell's loop is one function, whose constants stay in
    /// registers.
    @inline(__always)
    package var places: Places { Places(step: self) }

    /// Prefetches what the same row of the next tile needs, given the place of this one's. Rows are too far apart for
    /// the hardware prefetcher: a seventh of the cell's time forward, a quarter backward (128 units, Zen 4).
    @inline(__always)
    package func prefetchNextTile(_ place: UnsafePointer<Float>) { prefetch(place + vectors &* Vector.lanes) }

    package struct Places: Sequence, IteratorProtocol {
        private let step: CellStep
        private var row = 0
        private var vector = 0

        @inline(__always)
        init(step: CellStep) { self.step = step }

        @inline(__always)
        package mutating func next() -> (gates: UnsafeMutablePointer<Float>, unit: Int, column: Int)? {
            if vector == step.vectors {
                vector = 0
                row &+= 1
            }
            guard row < step.rows else { return nil }
            let unit = vector &* Vector.lanes
            vector &+= 1
            return (step.gates + (row &* GateLayout.width &+ unit), row &* step.pitch &+ unit, unit)
        }
    }
}

/// Gradients that go backward in time, `[B, units]` with the step's pitch.
package struct CellGradients {
    /// Of this step's h: from the layer above and from the next step.
    package let hidden: UnsafePointer<Float>
    /// Of the previous step's h: the cell adds the part that does not go through the recurrent product; the layer adds
    /// the product's part.
    package let previousHidden: UnsafeMutablePointer<Float>
    /// In: of this step's c from the next step. Out: of the previous step's c.
    package let cell: UnsafeMutablePointer<Float>
}

/// All cells. Tests walk this table.
package enum CellTable {
    package static let all: [any Cell.Type] = [LSTMCell.self, PeepholeLSTMCell.self, GRUCell.self, RNNCell.self]

    package static func cell(named name: String) -> (any Cell.Type)? { all.first { $0.name == name } }
}
