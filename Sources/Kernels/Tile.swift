internal import CVectors

// The accumulators of a product, kept in registers: a tile of m rows x n vectors of columns.
//
//              b: n vectors, the columns of one k
//            ┌────────┬────────┬────────┬────────┐
//     a₀ ──> │ vector │ vector │ vector │ vector │    a: one number a row, broadcast to a vector
//     a₁ ──> │        │        │        │        │
//     a₂ ──> │        │        │        │        │    one step of k: m n fused multiply-adds,
//            └────────┴────────┴────────┴────────┘    n loads and m broadcasts
//
// The shapes are types, put together from smaller ones, so that the compiler knows every size and gives each accumulator a
// register; a loop over an array of vectors would live in memory. There are two orders for a step of k, and each level has the
// one that its registers hold beside the accumulators (`Tuning.tileRows` has the figures):
//
//     row by row        n vectors of b and one broadcast: AVX-512's 32 registers
//     column by column  m broadcasts and one vector of b: fewer where m < n, for 16 registers

/// A tile's accumulators, and the order of its step.
protocol Tile {
    static var vectors: Int { get }
    init(at pointer: UnsafePointer<Float>, pitch: Int)
    /// Adds a step of k: a number for each row, `pitch` floats apart, times the vectors at `b`.
    mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: UnsafePointer<Float>)
    func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int)
}

extension Tile {
    /// result = start + a · panel, for this tile's rows and columns. Each number is a chain of additions over k in
    /// ascending order, whatever the shape of the tile.
    ///
    /// Assumes: `panel` holds the tile's vectors for each k without gaps; `result` and `start` have room for whole vectors
    /// and may be the same. What is ahead need not be readable.
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
            var numbers = block
            var line = aheadOfBlock
            for _ in 0..<a.blockLength {
                tile.add(numbers, pitch: a.rowStride, times: b)
                prefetch_line(line)
                numbers += a.step
                b += vectors &* Vector.lanes
                line += ahead.step
            }
            block += a.blockStride
            aheadOfBlock += ahead.blockStride
        }
        tile.store(to: result, pitch: pitch)
    }
}

/// Calls `body` with the number, the first row and the count of each tile that some rows are taken in: no more tiles than it takes,
/// and these as alike as they can be.
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
