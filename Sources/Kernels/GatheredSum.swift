// Sums by leaves of rows at arbitrary indices.

/// A row of a sum by leaves (see `LeafRun`). `merges` is the leaf's for its last row, `LeafRun.continues` for the
/// others.
package struct GatheredRow {
    package var row: Int32
    package var merges: Int32

    package init(row: Int32, merges: Int32) {
        self.row = row
        self.merges = merges
    }
}

/// result[group] (= or, `adding`, +=) the sum by leaves of the rows `rows[starts[group]..<starts[group + 1]]` of a
/// matrix; a group without rows gives zeros.
///
/// - Parameters:
///   - pitch: floats from one row of the matrix to the next. Rows are read as whole vectors.
///   - columns: the result's columns.
///   - stack: `leafStackCount` floats.
package func sumGatheredRows(
    _ matrix: UnsafePointer<Float>, pitch: Int, columns: Int, starts: UnsafeBufferPointer<Int32>,
    rows: UnsafePointer<GatheredRow>, adding: Bool = false, stack: UnsafeMutablePointer<Float>,
    to result: (_ group: Int) -> UnsafeMutablePointer<Float>
) {
    for group in 0..<max(starts.count - 1, 0) {
        let subset = UnsafeBufferPointer(
            start: rows + Int(starts[group]), count: Int(starts[group + 1] - starts[group]))
        let to = result(group)
        var column = 0
        while column + Tuning.tileColumns <= columns {
            let output = to + column
            var sum = gather(Vectors4.self, matrix + column, pitch, subset, stack)
            if adding { sum.add(output) }
            sum.store(to: output)
            column += Tuning.tileColumns
        }
        forEachVector(in: column..<columns) { at, span in
            var sum = gather(Vectors1.self, matrix + at, pitch, subset, stack).vector
            if adding { sum += span.load(to + at) }
            span.store(sum, to + at)
        }
    }
}

/// The sum of one group's rows over one tile of columns.
@inline(__always)
private func gather<Row: RowOfVectors>(
    _: Row.Type, _ matrix: UnsafePointer<Float>, _ pitch: Int, _ rows: UnsafeBufferPointer<GatheredRow>,
    _ stack: UnsafeMutablePointer<Float>
) -> Row {
    let width = Row.vectors &* Vector.lanes
    var sum = Row()
    var top = stack
    var left = rows.count
    for row in rows {
        sum.add(matrix + Int(row.row) &* pitch)
        left &-= 1
        guard row.merges >= 0 else { continue }
        for _ in 0..<row.merges {
            top -= width
            sum.add(top)
        }
        if left > 0 {
            sum.store(to: top)
            top += width
            sum = Row()
        }
    }
    return sum
}
