internal import CVectors

// Sums whose order does not depend on who computes them: leaf after leaf, and the leaves' sums along a binary tree.

/// Some steps of k of a leaf.
///
/// A leaf is a chain of additions over its steps in their order, from zero. Leaves are added up along a tree whose shape is
/// given by `merges`: sums of finished branches wait on a stack until their right sibling is there.
///
///     leaves   a   b   c          sum ((a + b) + c):
///     merges   0   1   1          a waits; a + b waits; (a + b) + c
package struct LeafRun: Equatable {
    /// Where the left factor's number of row 0 stands for the first of the steps, and its floats from row to row.
    package var offset: Int
    package var rowStride: Int
    package var steps: Int
    /// Of a leaf's last run: how many waiting sums the leaf's is added to, one after the other; `continues`: the leaf goes on.
    package var merges: Int

    package static let continues = -1

    package init(offset: Int, rowStride: Int = 1, steps: Int, merges: Int) {
        self.offset = offset
        self.rowStride = rowStride
        self.steps = steps
        self.merges = merges
    }
}

/// The left factor of a product that is summed by leaves: number (row, step i of a run) stands at
/// `run.offset + (firstRow + row) · run.rowStride + i · step`. The panel's rows follow each other over all runs.
package struct LeafFactor {
    package let pointer: UnsafePointer<Float>
    package let firstRow: Int
    package let step: Int
    package let runs: UnsafeBufferPointer<LeafRun>

    package init(
        _ pointer: UnsafePointer<Float>, firstRow: Int = 0, step: Int, runs: UnsafeBufferPointer<LeafRun>
    ) {
        self.pointer = pointer
        self.firstRow = firstRow
        self.step = step
        self.runs = runs
    }
}

/// The sums of a column that may wait at once: enough for 2^40 leaves.
typealias WaitingVectors = InlineArray<40, Vector>

/// Floats that sums by leaves need for those that wait.
package let leafStackCount = WaitingVectors.count * Tuning.leafRows * Tuning.leafColumns

/// Where the rows of a result go: in groups of `groupRows`, row-major within each.
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

    func row(_ row: Int) -> UnsafeMutablePointer<Float> {
        let (group, rest) = row < groupRows ? (0, row) : row.quotientAndRemainder(dividingBy: groupRows)
        return pointer + (group &* groupStride &+ rest &* pitch)
    }
}

/// result `[rows, columns]` = (or, `adding`, result +) a `[rows, K]` · panel `[K, columns]`, summed by leaves.
///
/// Assumes: the last run ends a leaf, and the merges leave one sum.
///
/// - Parameters:
///   - panel: `ceil(columns / lanes)` whole vectors for each k, without gaps (see `ColumnPanels.forLeaves`).
///   - columns: up to `Tuning.leafVectors` vectors' lanes. Numbers beside the result's are left alone.
///   - stack: `leafStackCount` floats.
package func multiplyByLeaves(
    rows: Int, _ a: LeafFactor, panel: UnsafePointer<Float>, columns: Int, adding: Bool, into result: GroupedRows,
    stack: UnsafeMutablePointer<Float>
) {
    let vectors = wholeVectors(columns) / Vector.lanes
    forEachTile(of: rows, most: Tuning.leafRows) { _, first, count in
        sumTile(rows: count, vectors: vectors, a, firstRow: a.firstRow &+ first, panel, stack)
        // The sums stand where the first that waited would be.
        let width = vectors * Vector.lanes
        for row in 0..<count {
            let (from, to) = (stack + row * width, result.row(first + row))
            forEachVector(of: columns) { at, span in
                let sum = span.load(from + at)
                span.store(adding ? span.load(to + at) + sum : sum, to + at)
            }
        }
    }
}

/// One tile, of any shape there is: each is compiled for itself. Leaves the sums at `stack`.
private func sumTile(
    rows: Int, vectors: Int, _ a: LeafFactor, firstRow: Int, _ panel: UnsafePointer<Float>,
    _ stack: UnsafeMutablePointer<Float>
) {
    @inline(__always)
    func sum<Shape: RowsOfTile>(_: Shape.Type) {
        let width = Shape.Row.vectors &* Vector.lanes
        let size = rows &* width
        var b = panel
        var top = stack
        var next = 0
        let ahead = Tuning.leafPrefetchSteps &* a.step
        while next < a.runs.count {
            // A leaf's accumulators live from here to the store: carried from leaf to leaf, some would be spilt.
            var tile = Shape()
            var merges: Int
            repeat {
                let run = a.runs[next]
                var numbers = a.pointer + (run.offset &+ firstRow &* run.rowStride)
                for _ in 0..<run.steps {
                    prefetch_line(numbers + ahead)
                    tile.add(numbers, pitch: run.rowStride, times: Shape.Row(at: b))
                    numbers += a.step
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
    @inline(__always)
    func sum<Row: RowOfVectors>(withRows _: Row.Type) {
        switch rows {
        case 12 where Tuning.leafRows >= 12: sum(RowsOf12<Row>.self)
        case 11 where Tuning.leafRows >= 12: sum(RowsOf11<Row>.self)
        case 10 where Tuning.leafRows >= 12: sum(RowsOf10<Row>.self)
        case 9 where Tuning.leafRows >= 12: sum(RowsOf9<Row>.self)
        case 8 where Tuning.leafRows >= 12: sum(RowsOf8<Row>.self)
        case 7 where Tuning.leafRows >= 12: sum(RowsOf7<Row>.self)
        case 6 where Tuning.leafRows >= 6: sum(RowsOf6<Row>.self)
        case 5 where Tuning.leafRows >= 6: sum(RowsOf5<Row>.self)
        case 4 where Tuning.leafRows >= 6: sum(RowsOf4<Row>.self)
        case 3 where Tuning.leafRows >= 6: sum(RowsOf3<Row>.self)
        case 2: sum(RowsOf2<Row>.self)
        default: sum(RowsOf1<Row>.self)
        }
    }
    if vectors == 1 { sum(withRows: Vectors1.self) } else { sum(withRows: Vectors2.self) }
}

/// The sum of rows of `Tuning.tileColumns` floats, by leaves: the row of step i of a run stands at `run.offset + i · step`. Leaves
/// it at `stack`, which has `leafStackCount` floats.
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
