internal import CVectors

// The accumulators of a product, kept in registers: a tile of m rows x n vectors of columns.
//
//              b: n vectors, the columns of one k
//            ┌────────┬────────┬────────┬────────┐
//     a₀ ──> │ vector │ vector │ vector │ vector │    a: one element per row, broadcast to a vector
//     a₁ ──> │        │        │        │        │
//     a₂ ──> │        │        │        │        │    for each k: m n fused multiply-adds,
//            └────────┴────────┴────────┴────────┘    n loads and m broadcasts
//
// The shapes are types composed of smaller ones, so that the compiler knows every size and keeps each accumulator in a
// register; an array of vectors would be kept in memory. The operations of one k have two possible orders. Each SIMD
// level uses the one whose operands fit its registers next to the accumulators (`Tuning.tileRows` has the figures):
//
//     row by row        n vectors of b and one broadcast: AVX-512's 32 registers
//     column by column  m broadcasts and one vector of b: fewer where m < n, for 16 registers

/// A tile's accumulators, and the order of the operations for one k.
protocol Tile {
    static var vectors: Int { get }
    init(at pointer: UnsafePointer<Float>, pitch: Int)
    /// Adds the products of one k: an element for each row, `pitch` floats apart, times the vectors at `b`.
    mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: UnsafePointer<Float>)
    func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int)
}

extension Tile {
    /// result = start + a · panel, for this tile's rows and columns. Each element is a chain of additions over k in
    /// ascending order, for every shape of the tile.
    ///
    /// Assumes: `panel` holds the tile's vectors for each k without gaps; rows of `result` and `start` are whole
    /// vectors and may be the same memory. The addresses in `ahead` need not be readable.
    @inline(__always)
    static func multiply(
        _ a: LeftFactor, _ panel: UnsafePointer<Float>, start: UnsafePointer<Float>, startPitch: Int,
        result: UnsafeMutablePointer<Float>, pitch: Int, ahead: Ahead
    ) {
        var tile = Self(at: start, pitch: startPitch)
        var b = panel
        var aheadOfBlock = ahead.pointer
        var block = a.pointer
        for _ in 0..<a.blocks {
            var elements = block
            var line = aheadOfBlock
            for _ in 0..<a.blockLength {
                tile.add(elements, pitch: a.rowStride, times: b)
                prefetch_line(line)
                elements += a.step
                b += vectors &* Vector.lanes
                line += ahead.step
            }
            block += a.blockStride
            aheadOfBlock += ahead.blockStride
        }
        tile.store(to: result, pitch: pitch)
    }
}

/// Divides rows into the fewest tiles of at most `most` rows, of nearly equal height, and calls `body` with each tile's
/// index, first row and number of rows.
@inline(__always)
func forEachTile(of rows: Int, most: Int, _ body: (_ tile: Int, _ first: Int, _ count: Int) -> Void) {
    let tiles = (rows + most - 1) / most
    let (fewest, larger) = tiles > 0 ? rows.quotientAndRemainder(dividingBy: tiles) : (0, 0)
    var first = 0
    for tile in 0..<tiles {
        let count = tile < larger ? fewest + 1 : fewest
        body(tile, first, count)
        first += count
    }
}
