// Products of any number of rows with a panel of up to four vectors of columns, packed [k][columns].

/// The left factor of a product, read in place: element (row, k) is at
/// `row · rowStride + (k / blockLength) · blockStride + (k % blockLength) · step`.
///
/// This covers a row-major matrix, its transpose and the panels that gates are stored in.
package struct LeftFactor {
    package var pointer: UnsafePointer<Float>
    package let rowStride: Int
    package let step: Int
    package let blockLength: Int
    package let blockStride: Int
    package let blocks: Int

    package init(
        _ pointer: UnsafePointer<Float>, rowStride: Int, step: Int, blockLength: Int, blockStride: Int = 0,
        blocks: Int = 1
    ) {
        self.pointer = pointer
        self.rowStride = rowStride
        self.step = step
        self.blockLength = blockLength
        self.blockStride = blockStride
        self.blocks = blocks
    }

    /// A row-major matrix of `count` columns: k is the column.
    package init(rows pointer: UnsafePointer<Float>, pitch: Int, count: Int) {
        self.init(pointer, rowStride: pitch, step: 1, blockLength: count)
    }

    /// The transpose of a row-major matrix of `count` rows: k is the matrix's row.
    package init(columns pointer: UnsafePointer<Float>, pitch: Int, count: Int) {
        self.init(pointer, rowStride: 1, step: pitch, blockLength: count)
    }

    /// K, the length of the sum.
    package var count: Int { blocks * blockLength }
}

/// What a product prefetches for later products, one cache line per k. After `floats` and `blocksBeside` it continues
/// with the next rows of its result.
package enum Prefetch {
    /// Only the next rows of the result.
    case result
    /// The memory at this offset in floats from the left factor's elements: the next columns of a factor read by
    /// columns.
    case beside(Int)
    /// This number of floats from an address: the panel of the next product.
    case floats(UnsafePointer<Float>, Int)
    /// All rows of each block of the left factor at this offset in floats: the gates of the previous time step.
    case blocksBeside(Int)
}

/// The addresses that a tile prefetches, one per k, addressed like the left factor's elements.
struct Ahead {
    let pointer: UnsafePointer<Float>
    let step: Int
    let blockStride: Int
}

/// The row-major output of a product.
package struct ResultRows {
    package let pointer: UnsafeMutablePointer<Float>
    package let pitch: Int

    package init(_ pointer: UnsafeMutablePointer<Float>, pitch: Int) {
        self.pointer = pointer
        self.pitch = pitch
    }
}

/// The initial value of a product.
package enum ProductStart {
    case zero
    /// The result's current values.
    case result
    /// The same row, with one value per column, for every row of the result: a bias.
    case row(UnsafePointer<Float>)
}

/// result `[rows, columns]` = start + a `[rows, K]` · panel `[K, columns]`.
///
/// - Parameters:
///   - panel: `ceil(columns / lanes)` whole vectors for each k, without gaps.
///   - columns: 1 to the lanes of 4 vectors. If not a multiple of the lanes, memory next to the columns is not written.
package func multiply(
    rows: Int, _ a: LeftFactor, panel: UnsafePointer<Float>, columns: Int, start: ProductStart, into result: ResultRows,
    prefetching: Prefetch = .result
) {
    let isWhole = columns % Vector.lanes == 0
    let vectors = wholeVectors(columns) / Vector.lanes
    forEachTile(of: rows, most: Tuning.tileRows) { tile, first, count in
        var part = a
        part.pointer = a.pointer + first &* a.rowStride
        let row = result.pointer + first &* result.pitch
        let ahead = prefetchAddresses(
            prefetching, part, tile: tile, before: first, rows: rows, nextResult: row + count &* result.pitch)
        if isWhole {
            let begin: (UnsafePointer<Float>, Int) =
                switch start {
                case .zero: (zeros, 0)
                case .result: (UnsafePointer(row), result.pitch)
                case .row(let values): (values, 0)
                }
            multiplyTile(
                rows: count, vectors: vectors, part, panel, start: begin.0, startPitch: begin.1, result: row,
                pitch: result.pitch, ahead: ahead)
        } else {
            multiplyEdge(
                rows: count, vectors: vectors, columns: columns, part, panel, start: start, result: row,
                pitch: result.pitch, ahead: ahead)
        }
    }
}

/// The addresses that a tile prefetches; `before` rows of the product precede it. The result's rows are assumed to be
/// contiguous: next to a panel's columns are those of the next panel.
private func prefetchAddresses(
    _ prefetch: Prefetch, _ a: LeftFactor, tile: Int, before: Int, rows: Int, nextResult: UnsafePointer<Float>
) -> Ahead {
    let line = Tuning.lineFloats
    let results = Ahead(pointer: nextResult, step: line, blockStride: line &* a.blockLength)
    switch prefetch {
    case .result:
        return results
    case .beside(let distance):
        return Ahead(pointer: a.pointer + distance, step: a.step, blockStride: a.blockStride)
    case .floats(let first, let count):
        // The lines are divided among the tiles, one line per k.
        let done = tile &* a.count &* line
        guard done < count else { return results }
        return Ahead(pointer: first + done, step: line, blockStride: line &* a.blockLength)
    case .blocksBeside(let distance):
        let done = tile &* a.blockLength &* line
        guard done < rows &* a.rowStride else { return results }
        let start = a.pointer - before &* a.rowStride
        return Ahead(pointer: start + (distance &+ done), step: line, blockStride: a.blockStride)
    }
}

/// A row of zeros as the start of a product. `nonisolated(unsafe)` is correct because it is never written after this.
nonisolated(unsafe) private let zeros: UnsafePointer<Float> = {
    let row = UnsafeMutablePointer<Float>.allocate(capacity: Tuning.tileColumns)
    row.initialize(repeating: 0, count: Tuning.tileColumns)
    return UnsafePointer(row)
}()

/// A tile whose last vector is partial: computed in a temporary, of which only the result's columns are copied.
private func multiplyEdge(
    rows: Int, vectors: Int, columns: Int, _ a: LeftFactor, _ panel: UnsafePointer<Float>, start: ProductStart,
    result: UnsafeMutablePointer<Float>, pitch: Int, ahead: Ahead
) {
    let width = vectors * Vector.lanes
    // On the stack, with capacity for the largest tile.
    var memory = InlineArray<24, Vector>(repeating: .zero)
    assert(rows * vectors <= memory.count, "the tile exceeds the largest tile's 24 vectors")
    withUnsafeMutableBytes(of: &memory) { bytes in
        let temporary = bytes.baseAddress!.assumingMemoryBound(to: Float.self)  // an array of 24 has an address
        for row in 0..<rows {
            switch start {
            case .zero: break
            case .result: (temporary + row * width).update(from: result + row * pitch, count: columns)
            case .row(let values): (temporary + row * width).update(from: values, count: columns)
            }
        }
        multiplyTile(
            rows: rows, vectors: vectors, a, panel, start: temporary, startPitch: width, result: temporary,
            pitch: width, ahead: ahead)
        for row in 0..<rows { (result + row * pitch).update(from: temporary + row * width, count: columns) }
    }
}

/// One tile of any supported shape; each shape is compiled separately.
private func multiplyTile(
    rows: Int, vectors: Int, _ a: LeftFactor, _ panel: UnsafePointer<Float>, start: UnsafePointer<Float>,
    startPitch: Int, result: UnsafeMutablePointer<Float>, pitch: Int, ahead: Ahead
) {
    @inline(__always)
    func multiply<Shape: Tile>(_: Shape.Type) {
        Shape.multiply(
            a, panel, start: start, startPitch: startPitch, result: result, pitch: pitch, ahead: ahead)
    }
    #if SIMD_V4
        @inline(__always)
        func multiply<Row: RowOfVectors>(withRows _: Row.Type) {
            switch rows {
            case 6: multiply(ByRows<RowsOf6<Row>>.self)
            case 5: multiply(ByRows<RowsOf5<Row>>.self)
            case 4: multiply(ByRows<RowsOf4<Row>>.self)
            case 3: multiply(ByRows<RowsOf3<Row>>.self)
            case 2: multiply(ByRows<RowsOf2<Row>>.self)
            default: multiply(ByRows<RowsOf1<Row>>.self)
            }
        }
        switch vectors {
        case 1: multiply(withRows: Vectors1.self)
        case 2: multiply(withRows: Vectors2.self)
        case 3: multiply(withRows: Vectors3.self)
        default: multiply(withRows: Vectors4.self)
        }
    #else
        @inline(__always)
        func multiply<Column: RowStack>(withColumns _: Column.Type) {
            switch vectors {
            case 1: multiply(ByColumns<Columns1<Column>>.self)
            case 2: multiply(ByColumns<Columns2<Column>>.self)
            case 3: multiply(ByColumns<Columns3<Column>>.self)
            default: multiply(ByColumns<Columns4<Column>>.self)
            }
        }
        switch rows {
        case 3 where Tuning.tileRows >= 3: multiply(withColumns: Rows3.self)
        case 2 where Tuning.tileRows >= 3: multiply(withColumns: Rows2.self)
        default: multiply(withColumns: Rows1.self)
        }
    #endif
}

/// The ranges of a matrix's columns that form its panels: `vectors` vectors each, the last two balanced (3 + 2 instead
/// of 4 + 1).
///
/// In panels packed one after the other, the one that begins at `column` is at float `K · column`.
package struct ColumnPanels: Sequence, IteratorProtocol {
    private let columns: Int
    private let most: Int
    private var first = 0

    package init(of columns: Int, vectors: Int = Tuning.tileVectors) {
        self.columns = columns
        most = vectors
    }

    /// Panels for sums by leaves, whose tiles are narrower.
    package static func forLeaves(of columns: Int) -> ColumnPanels {
        ColumnPanels(of: columns, vectors: Tuning.leafVectors)
    }

    package mutating func next() -> Range<Int>? {
        guard first < columns else { return nil }
        let left = wholeVectors(columns - first) / Vector.lanes
        let vectors = left > most && left < 2 * most ? (left + 1) / 2 : Swift.min(left, most)
        let panel = first..<Swift.min(first + vectors * Vector.lanes, columns)
        first = panel.upperBound
        return panel
    }
}

/// `columns` rounded up to a multiple of the vector's lanes.
@inlinable
package func wholeVectors(_ columns: Int) -> Int { (columns + Vector.lanes - 1) / Vector.lanes * Vector.lanes }

/// result `[rows, columns]` = start + a `[rows, K]` · b `[K, columns]`; `panels` are all panels of b, made by
/// `packPanels`. `rowsAtOnce` rows of the left factor at a time go through all panels while they are in the cache.
package func multiply(
    rows: Int, _ a: LeftFactor, panels: UnsafePointer<Float>, columns: Int, start: ProductStart,
    into result: ResultRows, rowsAtOnce: Int, prefetching: Prefetch = .result
) {
    var first = 0
    while first < rows {
        let count = min(rowsAtOnce, rows - first)
        var part = a
        part.pointer = a.pointer + first * a.rowStride
        for panel in ColumnPanels(of: columns) {
            multiply(
                rows: count, part, panel: panels + a.count * panel.lowerBound, columns: panel.count, start: start,
                into: ResultRows(result.pointer + first * result.pitch + panel.lowerBound, pitch: result.pitch),
                prefetching: panel.lowerBound == 0 ? prefetching : .result)
        }
        first += count
    }
}
