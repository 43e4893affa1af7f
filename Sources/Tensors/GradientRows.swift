/// The elements of a gradient block that may be nonzero: some rows of the matrix that it begins with, and everything
/// behind that matrix.
///
/// The matrix is the embedding's gradient. A step writes one row for each distinct token: some hundreds of ten
/// thousand. Sums, norms and updates then visit only those rows, with the same bits as for all rows.
package final class GradientRows {
    /// The floats of a row.
    package let width: Int
    /// The rows that the block's owner has written in this step. Ranks of a host may read each other's while gradients
    /// are summed.
    package let touched: RowSet
    /// The rows of the block that may be nonzero: `touched`, and rows written by sums over ranks.
    package let filled: RowSet

    /// - Parameters:
    ///   - touched: empty.
    ///   - isZero: whether the block is zero; otherwise its contents are unknown.
    package init(touched: RowSet, width: Int, isZero: Bool) {
        self.touched = touched
        self.width = width
        filled = RowSet(rows: touched.rows)
        if !isZero { filled.insertAll() }
    }

    /// Records that a step writes to a row.
    package func touch(_ row: Int) {
        touched.insert(row)
        filled.insert(row)
    }

    /// Records that any row may have been written.
    package func touchAll() {
        touched.insertAll()
        filled.insertAll()
    }

    /// Sets all rows of the matrix to 0; `block` is the block's start.
    package func clear(_ block: UnsafeMutablePointer<Float>) {
        filled.forEachRun(in: 0..<filled.rows) { run in
            (block + run.lowerBound * width).update(repeating: 0, count: run.count * width)
        }
        filled.removeAll()
        touched.removeAll()
    }

    /// Calls `body` with ranges of `floats`, ascending; outside of them the block is zero.
    ///
    /// The ranges begin and end at multiples of a cache line (counted from the block's start) or at the ends of
    /// `floats`, so that vectors have the same positions as in a pass over the whole block.
    package func forEachRange(in floats: Range<Int>, _ body: (Range<Int>) -> Void) {
        let line = FloatBlock.alignment / MemoryLayout<Float>.stride
        let matrixEnd = filled.rows * width
        var done = floats.lowerBound
        func visit(_ range: Range<Int>) {
            let first = max(done, range.lowerBound / line * line)
            let end = min(floats.upperBound, (range.upperBound + line - 1) / line * line)
            guard first < end else { return }
            body(first..<end)
            done = end
        }
        if floats.lowerBound < matrixEnd {
            let last = min(floats.upperBound, matrixEnd)
            filled.forEachRun(in: floats.lowerBound / width..<(last + width - 1) / width) { run in
                visit(run.lowerBound * width..<run.upperBound * width)
            }
        }
        visit(max(matrixEnd, floats.lowerBound)..<max(matrixEnd, floats.upperBound))
    }
}
