import Kernels
import Tensors

/// Layer normalisation of one of a layer's two products, a = W_x x or W_h h': γ·N(a), where N(a) = (a - m) / √(v + ε),
/// with mean m and variance v over the G H values of a row. The layer adds its biases.
///
/// Source: Ba, Kiros & Hinton (2016), "Layer normalization", section 3.1 and equations 20 and 23.
struct LayerNorm {
    /// PyTorch's.
    private static let epsilon: Float = 1e-5

    private let layout: GateLayout
    private let slots: Range<Int>
    /// For each tile a row of `GateLayout.width`: γ at the places of the product's values, 0 elsewhere; and 1 there.
    private let gains: UnsafeMutablePointer<Float>
    private let mask: UnsafeMutablePointer<Float>
    /// G H.
    private let count: Float

    /// Floats of `memory`.
    static func packedCount(_ layout: GateLayout) -> Int { 2 * layout.tiles * GateLayout.width }

    /// - Parameters:
    ///   - slots: of the product.
    ///   - memory: filled by `pack`.
    init(_ layout: GateLayout, _ slots: Range<Int>, memory: UnsafeMutablePointer<Float>) {
        self.layout = layout
        self.slots = slots
        gains = memory
        mask = memory + layout.tiles * GateLayout.width
        count = Float(slots.count * layout.hiddenSize)
    }

    /// Rows of gates, `GateLayout.width` floats apart, tile after tile.
    struct TileRows {
        let pointer: UnsafeMutablePointer<Float>
        /// Floats from a tile to the next.
        let stride: Int
    }

    /// - Parameter gain: γ `[G H]`.
    func pack(_ tiles: Range<Int>, gain: UnsafePointer<Float>) {
        for tile in tiles {
            for slot in slots {
                let row = layout.weightRow(slot, ofTile: tile)
                let place = tile * GateLayout.width + slot * layout.unitsPerTile
                for unit in 0..<layout.units(ofTile: tile).count {
                    gains[place + unit] = gain[row + unit]
                    mask[place + unit] = 1
                }
            }
        }
    }

    /// Rows that are worked through together. Those of a tile are neighbours in memory, those of a row's tiles are not.
    fileprivate static let rowsAtOnce = 8

    /// Calls `body` with each vector of the product's values in some rows: tile after tile, row after row in a tile.
    ///
    /// - Parameter body: gets the row, the offset of the vector in its tile, and its offset in the packed rows.
    @inline(__always)
    private func forEachVector(
        of rows: Range<Int>, _ body: (_ row: Int, _ tile: Int, _ offset: Int, _ packed: Int) -> Void
    ) {
        let (first, width) = (layout.firstColumn(slots), layout.width(slots))
        for tile in 0..<layout.tiles {
            for row in rows {
                for column in Swift.stride(from: first, to: first + width, by: Vector.lanes) {
                    body(row, tile, row &* GateLayout.width &+ column, tile &* GateLayout.width &+ column)
                }
            }
        }
    }

    /// Adds γ·N(a) to gates, or to biases in place of them.
    ///
    /// - Parameters:
    ///   - product: a; may be the gates.
    ///   - bias: for each tile a row; nil: the gates' values.
    ///   - normalised: receives N(a).
    ///   - scales: receives 1 / √(v + ε) of each row.
    ///   - sums: memory for the sums of `rowsAtOnce` rows.
    func forward(
        _ product: TileRows, bias: UnsafePointer<Float>?, into gates: TileRows, normalised: TileRows,
        scales: UnsafeMutablePointer<Float>, rows: Int, _ sums: RowSums
    ) {
        for first in Swift.stride(from: 0, to: rows, by: Self.rowsAtOnce) {
            let group = first..<min(first + Self.rowsAtOnce, rows)
            sums.clear()
            forEachVector(of: group) { row, tile, offset, _ in
                let sum = sums.first(row &- first)
                (Vector(at: sum) + Vector(at: product.pointer + (tile &* product.stride &+ offset))).store(to: sum)
            }
            for row in group { sums.means[row - first] = Vector(at: sums.first(row - first)).sum() / count }
            forEachVector(of: group) { row, tile, offset, packed in
                let a = Vector(at: product.pointer + (tile &* product.stride &+ offset))
                let difference = (a - sums.means[row &- first]) * Vector(at: mask + packed)
                let squares = sums.second(row &- first)
                Vector(at: squares).plus(difference, times: difference).store(to: squares)
            }
            for row in group {
                let squares = Vector(at: sums.second(row - first)).sum()
                scales[row] = 1 / (squares / count + Self.epsilon).squareRoot()
            }
            forEachVector(of: group) { row, tile, offset, packed in
                let a = Vector(at: product.pointer + (tile &* product.stride &+ offset))
                let n = (a - sums.means[row &- first]) * Vector(at: mask + packed) * scales[row]
                let place = gates.pointer + (tile &* gates.stride &+ offset)
                n.store(to: normalised.pointer + (tile &* normalised.stride &+ offset))
                Vector(at: bias.map { $0 + packed } ?? UnsafePointer(place))
                    .plus(n, times: Vector(at: gains + packed)).store(to: place)
            }
        }
    }

    /// The gradient of a, from that of the gates: (d - mean(d) - N(a)·mean(d·N(a))) / √(v + ε), where d = γ·dz.
    ///
    /// - Parameters:
    ///   - gates: dz.
    ///   - normalised: N(a); afterwards dz·N(a), the terms of the gradient of γ.
    ///   - result: receives the gradient of a.
    ///   - sums: as in `forward`.
    func backward(
        _ gates: TileRows, normalised: TileRows, scales: UnsafePointer<Float>, into result: TileRows, rows: Int,
        _ sums: RowSums
    ) {
        for first in Swift.stride(from: 0, to: rows, by: Self.rowsAtOnce) {
            let group = first..<min(first + Self.rowsAtOnce, rows)
            sums.clear()
            forEachVector(of: group) { row, tile, offset, packed in
                let d = Vector(at: gates.pointer + (tile &* gates.stride &+ offset)) * Vector(at: gains + packed)
                let n = Vector(at: normalised.pointer + (tile &* normalised.stride &+ offset))
                let (sum, products) = (sums.first(row &- first), sums.second(row &- first))
                (Vector(at: sum) + d).store(to: sum)
                Vector(at: products).plus(d, times: n).store(to: products)
            }
            for row in 0..<group.count {
                sums.means[row] = Vector(at: sums.first(row)).sum() / count
                sums.slopes[row] = Vector(at: sums.second(row)).sum() / count
            }
            forEachVector(of: group) { row, tile, offset, packed in
                let dz = Vector(at: gates.pointer + (tile &* gates.stride &+ offset))
                let place = normalised.pointer + (tile &* normalised.stride &+ offset)
                let n = Vector(at: place)
                let (mean, slope) = (sums.means[row &- first], sums.slopes[row &- first])
                ((dz * Vector(at: gains + packed) - (n * slope + mean) * Vector(at: mask + packed)) * scales[row])
                    .store(to: result.pointer + (tile &* result.stride &+ offset))
                (dz * n).store(to: place)
            }
        }
    }

    /// Two sums for each row of a group, and what follows from them.
    struct RowSums {
        private let block: FloatBlock
        private static let vectors = rowsAtOnce * Vector.lanes

        /// - Parameter make: makes a block of this many floats.
        init(_ make: (Int) -> FloatBlock) { block = make(2 * Self.vectors + 2 * rowsAtOnce) }

        /// A vector of sums by lane.
        @inline(__always)
        func first(_ row: Int) -> UnsafeMutablePointer<Float> { block.pointer + row &* Vector.lanes }
        @inline(__always)
        func second(_ row: Int) -> UnsafeMutablePointer<Float> { block.pointer + (Self.vectors &+ row &* Vector.lanes) }

        var means: UnsafeMutablePointer<Float> { block.pointer + 2 * Self.vectors }
        var slopes: UnsafeMutablePointer<Float> { means + rowsAtOnce }

        fileprivate func clear() { block.pointer.update(repeating: 0, count: 2 * Self.vectors) }
    }
}

/// The memory of layer normalisation for one window of a layer. Legend: T window, B sequences.
struct NormMemory {
    /// Of one of the products.
    struct Values {
        /// Tiles of `[T B, GateLayout.width]`: the normalised values, then the terms of the gains' gradients.
        let normalised: FloatBlock
        /// As `normalised`: the gradients of the product.
        let gradients: FloatBlock
        /// `[T B]`: 1 / √(v + ε).
        let scales: FloatBlock

        fileprivate init(_ tiles: Int, rows: Int, _ make: (Int) -> FloatBlock) {
            normalised = make(tiles * rows * GateLayout.width)
            gradients = make(tiles * rows * GateLayout.width)
            scales = make(rows)
        }
    }

    let input: Values
    let hidden: Values
    /// Tiles of `[B, GateLayout.width]`: the recurrent product of a time step.
    let product: FloatBlock
    let sums: LayerNorm.RowSums

    /// - Parameter make: makes a block of this many floats.
    init(_ layout: GateLayout, window: Int, sequences: Int, _ make: (Int) -> FloatBlock) {
        input = Values(layout.tiles, rows: window * sequences, make)
        hidden = Values(layout.tiles, rows: window * sequences, make)
        product = make(layout.tiles * sequences * GateLayout.width)
        sums = LayerNorm.RowSums(make)
    }
}
