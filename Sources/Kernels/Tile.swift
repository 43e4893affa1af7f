internal import CVectors

// The accumulators of a product, kept in registers: a tile of m rows x n vectors of columns.
//
//              b: n vectors, the columns of one k
//            ┌────────┬────────┬────────┬────────┐
//     a₀ ──> │ column │ column │ column │ column │    a: one number a row, broadcast to a vector
//     a₁ ──> │   of   │        │        │        │
//     a₂ ──> │ m rows │        │        │        │    one step of k: m n fused multiply-adds,
//            └────────┴────────┴────────┴────────┘    n loads and m broadcasts
//
// The shapes are types, put together from smaller ones, so that the compiler knows every size and gives each accumulator a
// register; a loop over an array of vectors would live in memory. A step goes column by column, so that it needs the m
// broadcasts and one vector of b beside the accumulators: row by row it would need n vectors of b, which AVX2's 16
// registers don't have (0.56 of peak where this has 0.95).

/// The vectors of some rows, one above the other.
protocol RowStack {
    static var rows: Int { get }
    /// Loads a vector from each row, `pitch` floats apart.
    init(at pointer: UnsafePointer<Float>, pitch: Int)
    /// Broadcasts a number from each row.
    init(repeating pointer: UnsafePointer<Float>, pitch: Int)
    mutating func add(_ a: Self, times b: Vector)
    func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int)
}

struct OneRow: RowStack {
    private var vector: Vector

    @inline(__always) static var rows: Int { 1 }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) { vector = Vector(at: pointer) }
    @inline(__always) init(repeating pointer: UnsafePointer<Float>, pitch: Int) {
        vector = Vector(repeating: pointer.pointee)
    }
    @inline(__always) mutating func add(_ a: OneRow, times b: Vector) { vector = vector.plus(a.vector, times: b) }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) { vector.store(to: pointer) }
}

struct Above<Upper: RowStack, Lower: RowStack>: RowStack {
    private var upper: Upper
    private var lower: Lower

    @inline(__always) static var rows: Int { Upper.rows + Lower.rows }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) {
        upper = Upper(at: pointer, pitch: pitch)
        lower = Lower(at: pointer + Upper.rows &* pitch, pitch: pitch)
    }
    @inline(__always) init(repeating pointer: UnsafePointer<Float>, pitch: Int) {
        upper = Upper(repeating: pointer, pitch: pitch)
        lower = Lower(repeating: pointer + Upper.rows &* pitch, pitch: pitch)
    }
    @inline(__always) mutating func add(_ a: Self, times b: Vector) {
        upper.add(a.upper, times: b)
        lower.add(a.lower, times: b)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        upper.store(to: pointer, pitch: pitch)
        lower.store(to: pointer + Upper.rows &* pitch, pitch: pitch)
    }
}

typealias Rows1 = OneRow
typealias Rows2 = Above<Rows1, Rows1>
typealias Rows3 = Above<Rows2, Rows1>
typealias Rows4 = Above<Rows2, Rows2>
typealias Rows5 = Above<Rows4, Rows1>

/// Columns of vectors side by side.
protocol Tile {
    associatedtype Column: RowStack
    static var vectors: Int { get }
    init(at pointer: UnsafePointer<Float>, pitch: Int)
    /// Adds a step of k: a number for each row times the vectors at `b`.
    mutating func add(_ a: Column, times b: UnsafePointer<Float>)
    func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int)
}

struct OneColumn<Column: RowStack>: Tile {
    private var column: Column

    @inline(__always) static var vectors: Int { 1 }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) { column = Column(at: pointer, pitch: pitch) }
    @inline(__always) mutating func add(_ a: Column, times b: UnsafePointer<Float>) {
        column.add(a, times: Vector(at: b))
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        column.store(to: pointer, pitch: pitch)
    }
}

struct Beside<Left: Tile, Right: Tile>: Tile where Left.Column == Right.Column {
    typealias Column = Left.Column
    private var left: Left
    private var right: Right

    @inline(__always) static var vectors: Int { Left.vectors + Right.vectors }
    @inline(__always) init(at pointer: UnsafePointer<Float>, pitch: Int) {
        left = Left(at: pointer, pitch: pitch)
        right = Right(at: pointer + Left.vectors &* Vector.lanes, pitch: pitch)
    }
    @inline(__always) mutating func add(_ a: Column, times b: UnsafePointer<Float>) {
        left.add(a, times: b)
        right.add(a, times: b + Left.vectors &* Vector.lanes)
    }
    @inline(__always) func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        left.store(to: pointer, pitch: pitch)
        right.store(to: pointer + Left.vectors &* Vector.lanes, pitch: pitch)
    }
}

typealias Tile1<Column: RowStack> = OneColumn<Column>
typealias Tile2<Column: RowStack> = Beside<Tile1<Column>, Tile1<Column>>
typealias Tile3<Column: RowStack> = Beside<Tile2<Column>, Tile1<Column>>
typealias Tile4<Column: RowStack> = Beside<Tile2<Column>, Tile2<Column>>

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
                tile.add(Column(repeating: numbers, pitch: a.rowStride), times: b)
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
