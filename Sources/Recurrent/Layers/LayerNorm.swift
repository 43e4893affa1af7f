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

    /// Calls `body` with the place of each vector of the product's values in a row: in tiles of `stride` floats, and in
    /// the packed rows.
    @inline(__always)
    private func forEachVector(_ body: (_ tile: Int, _ column: Int, _ packed: Int) -> Void) {
        let first = layout.firstColumn(slots)
        for tile in 0..<layout.tiles {
            for column in Swift.stride(from: first, to: first + layout.width(slots), by: Vector.lanes) {
                body(tile, column, tile &* GateLayout.width &+ column)
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
    func forward(
        _ product: TileRows, bias: UnsafePointer<Float>?, into gates: TileRows, normalised: TileRows,
        scales: UnsafeMutablePointer<Float>, rows: Int
    ) {
        for row in 0..<rows {
            let offset = row &* GateLayout.width
            var sum = Vector.zero
            forEachVector { tile, column, _ in
                sum += Vector(at: product.pointer + (tile &* product.stride &+ offset &+ column))
            }
            let mean = sum.sum() / count
            var squares = Vector.zero
            forEachVector { tile, column, packed in
                let a = Vector(at: product.pointer + (tile &* product.stride &+ offset &+ column))
                let difference = (a - mean) * Vector(at: mask + packed)
                squares = squares.plus(difference, times: difference)
            }
            let scale = 1 / (squares.sum() / count + Self.epsilon).squareRoot()
            scales[row] = scale
            forEachVector { tile, column, packed in
                let a = Vector(at: product.pointer + (tile &* product.stride &+ offset &+ column))
                let n = (a - mean) * Vector(at: mask + packed) * scale
                let place = gates.pointer + (tile &* gates.stride &+ offset &+ column)
                n.store(to: normalised.pointer + (tile &* normalised.stride &+ offset &+ column))
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
    func backward(
        _ gates: TileRows, normalised: TileRows, scales: UnsafePointer<Float>, into result: TileRows, rows: Int
    ) {
        for row in 0..<rows {
            let offset = row &* GateLayout.width
            var (sum, products) = (Vector.zero, Vector.zero)
            forEachVector { tile, column, packed in
                let d =
                    Vector(at: gates.pointer + (tile &* gates.stride &+ offset &+ column)) * Vector(at: gains + packed)
                sum += d
                products = products.plus(
                    d, times: Vector(at: normalised.pointer + (tile &* normalised.stride &+ offset &+ column)))
            }
            let (mean, slope, scale) = (sum.sum() / count, products.sum() / count, scales[row])
            forEachVector { tile, column, packed in
                let dz = Vector(at: gates.pointer + (tile &* gates.stride &+ offset &+ column))
                let place = normalised.pointer + (tile &* normalised.stride &+ offset &+ column)
                let n = Vector(at: place)
                ((dz * Vector(at: gains + packed) - (n * slope + mean) * Vector(at: mask + packed)) * scale)
                    .store(to: result.pointer + (tile &* result.stride &+ offset &+ column))
                (dz * n).store(to: place)
            }
        }
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

    /// - Parameter make: makes a block of this many floats.
    init(_ layout: GateLayout, window: Int, sequences: Int, _ make: (Int) -> FloatBlock) {
        input = Values(layout.tiles, rows: window * sequences, make)
        hidden = Values(layout.tiles, rows: window * sequences, make)
        product = make(layout.tiles * sequences * GateLayout.width)
    }
}
