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
    /// Zeros.
    init()
    init(at pointer: UnsafePointer<Float>, pitch: Int)
    /// Adds a step of k: a number for each row, `pitch` floats apart, times the vectors at `b`.
    mutating func add(_ a: UnsafePointer<Float>, pitch: Int, times b: UnsafePointer<Float>)
    func store(to pointer: UnsafeMutablePointer<Float>, pitch: Int)
    /// Adds numbers that lie as `store` puts them.
    mutating func add(_ pointer: UnsafePointer<Float>, pitch: Int)
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

/// What is done with a tile, for any shape: compiled for each.
protocol TileWork {
    func run<Shape: Tile>(with _: Shape.Type)
}

/// Does some work with the tile of this shape: at most `Tuning.tileRows` rows and `Tuning.tileVectors` vectors.
@inline(__always)
func withTile<Work: TileWork>(rows: Int, vectors: Int, _ work: Work) {
    #if SIMD_V4
        @inline(__always)
        func run<Row: RowOfVectors>(withRows _: Row.Type) {
            switch rows {
            case 6: work.run(with: ByRows<RowsOf6<Row>>.self)
            case 5: work.run(with: ByRows<RowsOf5<Row>>.self)
            case 4: work.run(with: ByRows<RowsOf4<Row>>.self)
            case 3: work.run(with: ByRows<RowsOf3<Row>>.self)
            case 2: work.run(with: ByRows<RowsOf2<Row>>.self)
            default: work.run(with: ByRows<RowsOf1<Row>>.self)
            }
        }
        switch vectors {
        case 1: run(withRows: Vectors1.self)
        case 2: run(withRows: Vectors2.self)
        case 3: run(withRows: Vectors3.self)
        default: run(withRows: Vectors4.self)
        }
    #else
        @inline(__always)
        func run<Column: RowStack>(withColumns _: Column.Type) {
            switch vectors {
            case 1: work.run(with: ByColumns<Columns1<Column>>.self)
            case 2: work.run(with: ByColumns<Columns2<Column>>.self)
            case 3: work.run(with: ByColumns<Columns3<Column>>.self)
            default: work.run(with: ByColumns<Columns4<Column>>.self)
            }
        }
        switch rows {
        case 3 where Tuning.tileRows >= 3: run(withColumns: Rows3.self)
        case 2 where Tuning.tileRows >= 3: run(withColumns: Rows2.self)
        default: run(withColumns: Rows1.self)
        }
    #endif
}

/// As above with the tile of a sum by leaves: at most `Tuning.leafRows` rows and `Tuning.leafVectors` vectors.
@inline(__always)
func withLeafTile<Work: TileWork>(rows: Int, vectors: Int, _ work: Work) {
    @inline(__always)
    func run<Row: RowOfVectors>(withRows _: Row.Type) {
        switch rows {
        case 12 where Tuning.leafRows >= 12: work.run(with: ByRows<RowsOf12<Row>>.self)
        case 11 where Tuning.leafRows >= 12: work.run(with: ByRows<RowsOf11<Row>>.self)
        case 10 where Tuning.leafRows >= 12: work.run(with: ByRows<RowsOf10<Row>>.self)
        case 9 where Tuning.leafRows >= 12: work.run(with: ByRows<RowsOf9<Row>>.self)
        case 8 where Tuning.leafRows >= 12: work.run(with: ByRows<RowsOf8<Row>>.self)
        case 7 where Tuning.leafRows >= 12: work.run(with: ByRows<RowsOf7<Row>>.self)
        case 6 where Tuning.leafRows >= 6: work.run(with: ByRows<RowsOf6<Row>>.self)
        case 5 where Tuning.leafRows >= 6: work.run(with: ByRows<RowsOf5<Row>>.self)
        case 4 where Tuning.leafRows >= 6: work.run(with: ByRows<RowsOf4<Row>>.self)
        case 3 where Tuning.leafRows >= 6: work.run(with: ByRows<RowsOf3<Row>>.self)
        case 2: work.run(with: ByRows<RowsOf2<Row>>.self)
        default: work.run(with: ByRows<RowsOf1<Row>>.self)
        }
    }
    if vectors == 1 { run(withRows: Vectors1.self) } else { run(withRows: Vectors2.self) }
}
