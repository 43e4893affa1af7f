// Matrices laid out as panels, [k][columns of up to four vectors]: what products read in one go.

/// panel `[count, whole vectors]` = the columns of a row-major matrix; columns beyond `columns` are 0.
package func packColumns(
    from matrix: UnsafePointer<Float>, pitch: Int, columns: Int, count: Int, into panel: UnsafeMutablePointer<Float>
) {
    let width = wholeVectors(columns)
    for k in 0..<count {
        let row = matrix + k &* pitch
        let to = panel + k &* width
        forEachVector(of: columns) { at, span in span.load(row + at).store(to: to + at) }
    }
}

/// All panels of a row-major matrix `[count, columns]`, one after the other (see `ColumnPanels`).
package func packPanels(
    from matrix: UnsafePointer<Float>, pitch: Int, columns: Int, count: Int, into panels: UnsafeMutablePointer<Float>
) {
    for panel in ColumnPanels(of: columns) {
        packColumns(
            from: matrix + panel.lowerBound, pitch: pitch, columns: panel.count, count: count,
            into: panels + count * panel.lowerBound)
    }
}

/// One vector of a panel from the rows of a row-major matrix, which become its columns: panel[k · panelPitch + lane] =
/// matrix[lane · pitch + k]. Lanes from `rows` on are 0.
package func packTransposed(
    from matrix: UnsafePointer<Float>, pitch: Int, rows: Int, count: Int, into panel: UnsafeMutablePointer<Float>,
    panelPitch: Int
) {
    var k = 0
    if rows == Vector.lanes {
        while k + Vector.lanes <= count {
            transposeSquare(matrix + k, pitch, panel + k &* panelPitch, panelPitch)
            k += Vector.lanes
        }
    }
    while k < count {
        var column = Vector.zero
        for lane in 0..<rows { column[lane] = matrix[lane &* pitch &+ k] }
        column.store(to: panel + k &* panelPitch)
        k += 1
    }
}

/// Row-major rows from a panel: matrix[column · pitch + k] = panel[k · whole vectors + column], for `count` steps of k and
/// what else of a whole vector `pitch` has room for, as zeros.
package func unpackTransposed(
    from panel: UnsafePointer<Float>, columns: Int, count: Int, into matrix: UnsafeMutablePointer<Float>, pitch: Int
) {
    let width = wholeVectors(columns)
    for first in stride(from: 0, to: columns, by: Vector.lanes) {
        let lanes = Swift.min(Vector.lanes, columns - first)
        for k in stride(from: 0, to: count, by: Vector.lanes) {
            let from = panel + k * width + first
            let to = matrix + first * pitch + k
            if lanes == Vector.lanes, k + Vector.lanes <= count {
                transposeSquare(from, width, to, pitch)
            } else {
                for lane in 0..<lanes {
                    var row = Vector.zero
                    for step in 0..<Swift.min(Vector.lanes, count - k) { row[step] = from[step * width + lane] }
                    row.store(to: to + lane * pitch)
                }
            }
        }
    }
}

/// A square of as many rows and columns as a vector has lanes, transposed in registers.
///
/// Gathering the even lanes and then the odd lanes of each pair of neighbours moves the lowest bit of the column to the
/// top of the row's number and the lowest bit of the row's to the top of the column's; after as many rounds as a lane's
/// number has bits, rows and columns have changed places.
@inline(__always)
private func transposeSquare(
    _ from: UnsafePointer<Float>, _ fromPitch: Int, _ to: UnsafeMutablePointer<Float>, _ toPitch: Int
) {
    #if SIMD_V4
        var square = InlineArray<16, Vector> { Vector(at: from + $0 &* fromPitch) }
    #else
        var square = InlineArray<8, Vector> { Vector(at: from + $0 &* fromPitch) }
    #endif
    let half = Vector.lanes / 2
    for _ in 0..<Vector.lanes.trailingZeroBitCount {
        let before = square
        for pair in 0..<half {
            square[unchecked: pair] = before[unchecked: 2 &* pair].evenLanes(before[unchecked: 2 &* pair &+ 1])
            square[unchecked: pair &+ half] = before[unchecked: 2 &* pair].oddLanes(before[unchecked: 2 &* pair &+ 1])
        }
    }
    for row in 0..<Vector.lanes { square[unchecked: row].store(to: to + row &* toPitch) }
}
