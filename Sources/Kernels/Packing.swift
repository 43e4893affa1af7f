// Packing of matrices into panels, [k][columns of up to four vectors], which products read sequentially.

/// panel `[count, whole vectors]` = the columns of a row-major matrix; columns beyond `columns` are 0.
package func packColumns(
    from matrix: UnsafePointer<Float>, pitch: Int, columns: Int, count: Int, into panel: UnsafeMutablePointer<Float>
) {
    let width = wholeVectors(columns)
    // Most panels of sums by leaves have this width: two loads and stores without a loop.
    if columns == 2 * Vector.lanes {
        for k in 0..<count {
            let (row, to) = (matrix + k &* pitch, panel + k &* width)
            Vector(at: row).store(to: to)
            Vector(at: row + Vector.lanes).store(to: to + Vector.lanes)
        }
        return
    }
    for k in 0..<count {
        let row = matrix + k &* pitch
        let to = panel + k &* width
        forEachVector(of: columns) { at, span in span.load(row + at).store(to: to + at) }
    }
}

/// All panels of a row-major matrix `[count, columns]`, one after the other (see `ColumnPanels`).
package func packPanels(
    from matrix: UnsafePointer<Float>, pitch: Int, columns: Int, count: Int, vectors: Int = Tuning.tileVectors,
    into panels: UnsafeMutablePointer<Float>
) {
    for panel in ColumnPanels(of: columns, vectors: vectors) {
        packColumns(
            from: matrix + panel.lowerBound, pitch: pitch, columns: panel.count, count: count,
            into: panels + count * panel.lowerBound)
    }
}

/// Rows of `Tuning.tileColumns` floats, ordered by step and then by sequence, ordered by sequence and then by step.
package func packBySequence(
    from rows: UnsafePointer<Float>, window: Int, sequences: Int, into result: UnsafeMutablePointer<Float>
) {
    let width = Tuning.tileColumns
    for t in 0..<window {
        for b in 0..<sequences {
            let from = rows + (t &* sequences &+ b) &* width
            let to = result + (b &* window &+ t) &* width
            for vector in 0..<Tuning.tileVectors {
                Vector(at: from + vector &* Vector.lanes).store(to: to + vector &* Vector.lanes)
            }
        }
    }
}

/// Selected rows of a row-major matrix, each multiplied by its factor, as a panel `[count, whole vectors]`. The factors
/// themselves are column `width`, written if `columns` includes it.
///
/// - Parameters:
///   - matrix: `pitch` floats per row, at least whole vectors; elements from `width` on are zeros.
///   - rows: `count` row indices.
///   - columns: a range of the `width + 1` columns that begins at a multiple of the lanes.
package func packScaledRows(
    from matrix: UnsafePointer<Float>, pitch: Int, width: Int, rows: UnsafePointer<Int32>,
    factors: UnsafePointer<Float>, count: Int, columns: Range<Int>, into panel: UnsafeMutablePointer<Float>
) {
    let vectors = wholeVectors(columns.count)
    let inMatrix = min(wholeVectors(width) - columns.lowerBound, vectors)
    for k in 0..<count {
        let row = matrix + Int(rows[k]) &* pitch + columns.lowerBound
        let to = panel + k &* vectors
        let factor = Vector(repeating: factors[k])
        for at in stride(from: 0, to: inMatrix, by: Vector.lanes) { (Vector(at: row + at) * factor).store(to: to + at) }
        for at in stride(from: inMatrix, to: vectors, by: Vector.lanes) { Vector.zero.store(to: to + at) }
        if columns.upperBound > width { to[width - columns.lowerBound] = factors[k] }
    }
}

/// One vector column of a panel from selected rows of a row-major matrix: panel[k · panelPitch + lane] =
/// matrix[rows[lane] · pitch + k] for k below `count`. Lanes from `lanes` on are 0.
///
/// - Parameter rows: `lanes` row indices; nil means 0, 1, 2 …
package func packTransposed(
    from matrix: UnsafePointer<Float>, pitch: Int, rows: UnsafePointer<Int32>? = nil, lanes: Int, count: Int,
    into panel: UnsafeMutablePointer<Float>, panelPitch: Int
) {
    @inline(__always)
    func row(_ lane: Int) -> UnsafePointer<Float> {
        if let rows { matrix + Int(rows[lane]) &* pitch } else { matrix + lane &* pitch }
    }
    var k = 0
    if lanes == Vector.lanes {
        while k + Vector.lanes <= count {
            transposeSquare({ row($0) + k }, { panel + (k &+ $0) &* panelPitch })
            k += Vector.lanes
        }
    }
    while k < count {
        var column = Vector.zero
        for lane in 0..<lanes { column[lane] = row(lane)[k] }
        column.store(to: panel + k &* panelPitch)
        k += 1
    }
}

/// The inverse of `packTransposed`: matrix[rows[column] · pitch + k] = panel[k · wholeVectors(columns) + column] for k
/// below `count`. The rest of each row's last vector is set to zeros, so `pitch` must be at least whole vectors.
///
/// - Parameter rows: one row index per column.
package func unpackTransposed(
    from panel: UnsafePointer<Float>, columns: Int, count: Int, into matrix: UnsafeMutablePointer<Float>, pitch: Int,
    rows: UnsafePointer<Int32>
) {
    let width = wholeVectors(columns)
    for first in stride(from: 0, to: columns, by: Vector.lanes) {
        let lanes = Swift.min(Vector.lanes, columns - first)
        for k in stride(from: 0, to: count, by: Vector.lanes) {
            let from = panel + k * width + first
            if lanes == Vector.lanes, k + Vector.lanes <= count {
                transposeSquare(
                    { from + $0 &* width }, { matrix + Int(rows[first &+ $0]) &* pitch + k })
            } else {
                for lane in 0..<lanes {
                    var row = Vector.zero
                    for step in 0..<Swift.min(Vector.lanes, count - k) { row[step] = from[step * width + lane] }
                    row.store(to: matrix + Int(rows[first + lane]) * pitch + k)
                }
            }
        }
    }
}

/// Transposes a square of `lanes` rows and columns in registers.
///
/// Gathering the even lanes and then the odd lanes of each pair of neighbours moves the lowest bit of the column index
/// to the top of the row index, and the lowest bit of the row index to the top of the column index. After log2(lanes)
/// rounds rows and columns are swapped.
@inline(__always)
private func transposeSquare(
    _ from: (_ row: Int) -> UnsafePointer<Float>, _ to: (_ row: Int) -> UnsafeMutablePointer<Float>
) {
    #if SIMD_V4
        var square = InlineArray<16, Vector> { Vector(at: from($0)) }
    #else
        var square = InlineArray<8, Vector> { Vector(at: from($0)) }
    #endif
    let half = Vector.lanes / 2
    for _ in 0..<Vector.lanes.trailingZeroBitCount {
        let before = square
        for pair in 0..<half {
            square[unchecked: pair] = before[unchecked: 2 &* pair].evenLanes(before[unchecked: 2 &* pair &+ 1])
            square[unchecked: pair &+ half] = before[unchecked: 2 &* pair].oddLanes(before[unchecked: 2 &* pair &+ 1])
        }
    }
    for row in 0..<Vector.lanes { square[unchecked: row].store(to: to(row)) }
}
