import Kernels

/// How a layer's gates are stored: in tiles of units, with the gates of a unit in the same row.
///
///     tile j:   row (t, b):  [ slot 0: units | slot 1: units | … ]      4 vectors
///               row (t, b+1): …                                         all T B rows, then tile j + 1
///
/// A tile is as wide as the product kernels compute at once, so that one product gives all gates of its units, and the
/// cell computes while they are in the cache. For LSTM and GRU a slot is one vector of units; a plain RNN has one slot
/// of four vectors. GRU's candidate has two slots, one for each of its products: both products write neighbouring
/// slots.
struct GateLayout {
    let hiddenSize: Int
    /// The gate in PyTorch's order that each slot belongs to.
    let gates: [Int]
    /// The slots of W_x x, and those of W_h h.
    let inputSlots: Range<Int>
    let hiddenSlots: Range<Int>
    /// Units of a tile: the width of a slot.
    let unitsPerTile: Int
    let tiles: Int

    init(_ cell: any Cell.Type, hiddenSize: Int) {
        self.hiddenSize = hiddenSize
        gates = cell.gateOfSlot
        inputSlots = cell.inputSlots
        hiddenSlots = cell.hiddenSlots
        unitsPerTile = Self.width / gates.count
        tiles = (hiddenSize + unitsPerTile - 1) / unitsPerTile
    }

    /// Floats of a tile's row.
    static var width: Int { Tuning.tileColumns }

    /// The units of a tile; the last tile may have fewer than `unitsPerTile`.
    func units(ofTile tile: Int) -> Range<Int> {
        tile * unitsPerTile..<min((tile + 1) * unitsPerTile, hiddenSize)
    }

    /// Whole vectors that hold a tile's units, of each slot.
    func unitVectors(ofTile tile: Int) -> Int { wholeVectors(units(ofTile: tile).count) / Vector.lanes }

    /// The first column of slots in a tile's row, and their number of columns.
    func firstColumn(_ slots: Range<Int>) -> Int { slots.lowerBound * unitsPerTile }
    func width(_ slots: Range<Int>) -> Int { slots.count * unitsPerTile }

    /// Columns of a tile that a product with these slots computes: all of them, except in the last tile of a cell with
    /// one slot, which may have fewer units.
    func columns(_ slots: Range<Int>, ofTile tile: Int) -> Int {
        gates.count == 1 ? wholeVectors(units(ofTile: tile).count) : width(slots)
    }

    /// Slots in groups whose weight rows are contiguous: full slots of consecutive gates.
    func groups(_ slots: Range<Int>, ofTile tile: Int) -> SlotGroups {
        SlotGroups(layout: self, isFull: units(ofTile: tile).count == unitsPerTile, left: slots)
    }

    struct SlotGroups: Sequence, IteratorProtocol {
        let layout: GateLayout
        let isFull: Bool
        var left: Range<Int>

        mutating func next() -> Range<Int>? {
            guard let first = left.first else { return nil }
            var end = first + 1
            while isFull, end < left.upperBound, layout.gates[end] == layout.gates[end - 1] + 1 { end += 1 }
            left = end..<left.upperBound
            return first..<end
        }
    }

    /// How many of a cell's own vectors have a slot in one row of terms, and how many such groups they take.
    var vectorsPerGroup: Int { gates.count }
    func vectorGroups(_ vectors: Int) -> Int { (vectors + vectorsPerGroup - 1) / vectorsPerGroup }

    /// First row of the weights `[G H, …]` for a slot of a tile.
    func weightRow(_ slot: Int, ofTile tile: Int) -> Int { gates[slot] * hiddenSize + tile * unitsPerTile }
}
