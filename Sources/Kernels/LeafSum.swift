internal import CVectors

// Sums in a fixed order, independent of which thread or rank computes them: leaf by leaf, and the leaves' sums along a
// binary tree.

/// A run of evenly spaced values of k within a leaf.
///
/// A leaf is a chain of additions over its k in order, starting from zero. Leaves are added along a tree whose shape is
/// given by `merges`: sums of finished branches wait on a stack until their right sibling is complete.
///
///     leaves   a   b   c          sum ((a + b) + c):
///     merges   0   1   1          a waits; a + b waits; (a + b) + c
package struct LeafRun: Equatable {
    /// Offset of the left factor's element of row 0 at the run's first k.
    package var offset: Int
    /// Floats from one row of the left factor to the next.
    package var rowStride: Int
    /// Values of k in this run.
    package var steps: Int
    /// For a leaf's last run, the number of waiting sums that the leaf's sum is added to, one after the other;
    /// `continues` for the others.
    package var merges: Int

    package static let continues = -1

    package init(offset: Int, rowStride: Int = 1, steps: Int, merges: Int) {
        self.offset = offset
        self.rowStride = rowStride
        self.steps = steps
        self.merges = merges
    }
}

/// The left factor of a product that is summed by leaves: element (row, i-th k of a run) is at
/// `run.offset + (firstRow + row) · run.rowStride + i · step`. The panel's rows are contiguous over all runs.
package struct LeafFactor {
    package let pointer: UnsafePointer<Float>
    package let firstRow: Int
    package let step: Int
    package let runs: UnsafeBufferPointer<LeafRun>

    /// The maximum steps of a block, 0 for each tile through all leaves, by a tuning; 0 if the runs are too short.
    package func block(_ tuning: Tuning) -> Int {
        runs.reduce(0) { $0 &+ $1.steps } >= Tuning.leastLeafSteps &* runs.count ? tuning.leafBlock : 0
    }

    package init(
        _ pointer: UnsafePointer<Float>, firstRow: Int = 0, step: Int, runs: UnsafeBufferPointer<LeafRun>
    ) {
        self.pointer = pointer
        self.firstRow = firstRow
        self.step = step
        self.runs = runs
    }
}

/// The stack of waiting sums of one column: deep enough for 2^40 leaves.
typealias WaitingVectors = InlineArray<40, Vector>

/// Size in floats of the stack of waiting sums, with the current one.
package let leafStackCount = (WaitingVectors.count + 1) * Tuning.leafRows * Tuning.leafColumns

/// The layout of a result: groups of `groupRows` rows, row-major within a group.
package struct GroupedRows {
    package let pointer: UnsafeMutablePointer<Float>
    package let pitch: Int
    package let groupRows: Int
    package let groupStride: Int

    package init(_ pointer: UnsafeMutablePointer<Float>, pitch: Int, groupRows: Int = Int.max, groupStride: Int = 0) {
        self.pointer = pointer
        self.pitch = pitch
        self.groupRows = groupRows
        self.groupStride = groupStride
    }

    /// Calls `body` with the index and the start of each of some rows in order.
    @inline(__always)
    func forEachRow(_ rows: Range<Int>, _ body: (Int, UnsafeMutablePointer<Float>) -> Void) {
        var (group, inGroup) =
            rows.lowerBound < groupRows
            ? (0, rows.lowerBound) : rows.lowerBound.quotientAndRemainder(dividingBy: groupRows)
        for row in rows {
            body(row, pointer + (group &* groupStride &+ inGroup &* pitch))
            inGroup &+= 1
            if inGroup == groupRows { (group, inGroup) = (group &+ 1, 0) }
        }
    }
}

/// result `[rows, columns]` = (or, `adding`, result +) a `[rows, K]` · panel `[K, columns]`, summed by leaves.
///
/// Assumes: the last run ends a leaf, and the merges leave exactly one sum.
///
/// - Parameters:
///   - panel: `ceil(columns / lanes)` whole vectors for each k, without gaps (see `ColumnPanels.forLeaves`).
///   - columns: at most the lanes of `Tuning.leafVectors` vectors. Memory next to the result's columns is not written.
///   - stack: `leafStackCount` floats.
///   - block: as `Tuning.leafBlock`, and does not change the result; nil: by the tuning in use.
package func multiplyByLeaves(
    rows: Int, _ a: LeafFactor, panel: UnsafePointer<Float>, columns: Int, adding: Bool, into result: GroupedRows,
    stack: UnsafeMutablePointer<Float>, block: Int? = nil
) {
    let block = block ?? a.block(Tuning.current)
    if block > 0 {
        return multiplyLeafByLeaf(
            rows: rows, a, panel: panel, columns: columns, adding: adding, into: result, stack: stack, block: block)
    }
    let vectors = wholeVectors(columns) / Vector.lanes
    forEachTile(of: rows, most: Tuning.leafRows) { _, first, count in
        forLeafTile(
            rows: count, vectors: vectors,
            SumThroughAllLeaves(a: a, firstRow: a.firstRow &+ first, panel: panel, stack: stack))
        // The final sums are at the bottom of the stack.
        put(
            stack, rows: count, width: vectors * Vector.lanes, columns: columns, adding: adding, into: result,
            firstRow: first)
    }
}

/// Some rows of a result = (or, `adding`, +=) sums in rows of `width` floats.
func put(
    _ sums: UnsafePointer<Float>, rows: Int, width: Int, columns: Int, adding: Bool, into result: GroupedRows,
    firstRow: Int
) {
    if columns == 2 * Vector.lanes, !adding {
        return result.forEachRow(firstRow..<firstRow + rows) { row, to in
            let from = sums + (row &- firstRow) &* width
            Vector(at: from).store(to: to)
            Vector(at: from + Vector.lanes).store(to: to + Vector.lanes)
        }
    }
    result.forEachRow(firstRow..<firstRow + rows) { row, to in
        let from = sums + (row &- firstRow) &* width
        forEachVector(of: columns) { at, span in
            let sum = span.load(from + at)
            span.store(adding ? span.load(to + at) + sum : sum, to + at)
        }
    }
}

/// Computes one tile through all leaves; leaves the sums at `stack`.
private struct SumThroughAllLeaves: WorkOfTile {
    let a: LeafFactor
    let firstRow: Int
    let panel: UnsafePointer<Float>
    let stack: UnsafeMutablePointer<Float>

    @inline(__always)
    func run<Shape: RowsOfTile>(_: Shape.Type, rows: Int) {
        let width = Shape.Row.vectors &* Vector.lanes
        let size = rows &* width
        var b = panel
        var top = stack
        var next = 0
        let ahead = Tuning.leafPrefetchSteps &* a.step
        while next < a.runs.count {
            // The accumulators' lifetime is one leaf: kept across leaves, some would be spilled to memory.
            var tile = Shape()
            var merges: Int
            repeat {
                let run = a.runs[next]
                var elements = a.pointer + (run.offset &+ firstRow &* run.rowStride)
                for _ in 0..<run.steps {
                    prefetch_line(elements + ahead)
                    tile.add(elements, pitch: run.rowStride, times: Shape.Row(at: b))
                    elements += a.step
                    b += width
                }
                merges = run.merges
                next &+= 1
            } while merges < 0
            for _ in 0..<merges {
                top -= size
                tile.add(top, pitch: width)
            }
            tile.store(to: top, pitch: width)
            top += size
        }
    }
}

/// The sum by leaves of rows of `Tuning.tileColumns` floats: the row of a run's i-th k is at `run.offset + i · step`.
/// Leaves the sum at `stack`, which has `leafStackCount` floats.
package func sumRowsByLeaves(
    _ rows: UnsafePointer<Float>, step: Int, runs: UnsafeBufferPointer<LeafRun>, stack: UnsafeMutablePointer<Float>
) {
    let width = Vectors4.vectors &* Vector.lanes
    var top = stack
    var next = 0
    while next < runs.count {
        var sum = Vectors4()
        var merges: Int
        repeat {
            let run = runs[next]
            var row = rows + run.offset
            for _ in 0..<run.steps {
                sum.add(row)
                row += step
            }
            merges = run.merges
            next &+= 1
        } while merges < 0
        for _ in 0..<merges {
            top -= width
            sum.add(top)
        }
        sum.store(to: top)
        top += width
    }
}
