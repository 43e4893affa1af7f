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

/// How many sums may wait at once: enough for 2^40 leaves.
private let mostWaiting = 40

/// Floats that sums by leaves need for those that wait.
package let leafStackCount = mostWaiting * Tuning.leafRows * Tuning.leafVectors * Vector.lanes

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
///   - panel: `ceil(columns / lanes)` whole vectors for each k, without gaps (see `LeafPanels`).
///   - columns: up to `Tuning.leafVectors` vectors' lanes. Numbers beside the result's are left alone.
///   - stack: `leafStackCount` floats.
package func multiplyByLeaves(
    rows: Int, _ a: LeafFactor, panel: UnsafePointer<Float>, columns: Int, adding: Bool, into result: GroupedRows,
    stack: UnsafeMutablePointer<Float>
) {
    let vectors = wholeVectors(columns) / Vector.lanes
    // No more tiles than it takes, and these as alike as they can be.
    let tiles = (rows + Tuning.leafRows - 1) / Tuning.leafRows
    let (fewest, larger) = tiles > 0 ? rows.quotientAndRemainder(dividingBy: tiles) : (0, 0)
    var first = 0
    for tile in 0..<tiles {
        let count = tile < larger ? fewest + 1 : fewest
        withLeafTile(
            rows: count, vectors: vectors,
            LeafProduct(a: a, firstRow: a.firstRow &+ first, panel: panel, rows: count, stack: stack))
        // The sums stand where the first that waited would be.
        let width = vectors * Vector.lanes
        for row in 0..<count {
            let (from, to) = (stack + row * width, result.row(first + row))
            forEachVector(of: columns) { at, span in
                let sum = span.load(from + at)
                span.store(adding ? span.load(to + at) + sum : sum, to + at)
            }
        }
        first += count
    }
}

private struct LeafProduct: TileWork {
    let a: LeafFactor
    let firstRow: Int
    let panel: UnsafePointer<Float>
    let rows: Int
    let stack: UnsafeMutablePointer<Float>

    /// Leaves the tile's sums at `stack`.
    @inline(__always)
    func run<Shape: Tile>(with _: Shape.Type) {
        let width = Shape.vectors &* Vector.lanes
        let size = rows &* width
        var b = panel
        var top = stack
        var tile = Shape()
        var left = a.runs.count
        for run in a.runs {
            var numbers = a.pointer + (run.offset &+ firstRow &* run.rowStride)
            for _ in 0..<run.steps {
                tile.add(numbers, pitch: run.rowStride, times: b)
                numbers += a.step
                b += width
            }
            left &-= 1
            guard run.merges >= 0 else { continue }
            for _ in 0..<run.merges {
                top -= size
                tile.add(top, pitch: width)
            }
            if left > 0 {
                tile.store(to: top, pitch: width)
                top += size
                tile = Shape()
            }
        }
        tile.store(to: stack, pitch: width)
    }
}

/// The columns of a matrix cut into panels for sums by leaves: `Tuning.leafVectors` vectors each.
///
/// Panels packed one after the other have the one that begins at `column` at float `K · column`.
package struct LeafPanels: Sequence, IteratorProtocol {
    private let columns: Int
    private var first = 0

    package init(of columns: Int) { self.columns = columns }

    package mutating func next() -> Range<Int>? {
        guard first < columns else { return nil }
        let panel = first..<Swift.min(first + Tuning.leafVectors * Vector.lanes, columns)
        first = panel.upperBound
        return panel
    }
}

/// sums `[columns]` = the sum of the rows of a row-major matrix `[K, columns]` without gaps, by leaves.
///
/// - Parameters:
///   - columns: whole vectors.
///   - runs: steps and merges count; rows follow each other over all runs.
package func sumRowsByLeaves(
    _ matrix: UnsafePointer<Float>, columns: Int, runs: UnsafeBufferPointer<LeafRun>,
    into sums: UnsafeMutablePointer<Float>
) {
    var waiting = InlineArray<40, Vector>(repeating: .zero)
    for column in stride(from: 0, to: columns, by: Vector.lanes) {
        var row = matrix + column
        var depth = 0
        var sum = Vector.zero
        for (index, run) in runs.enumerated() {
            for _ in 0..<run.steps {
                sum += Vector(at: row)
                row += columns
            }
            guard run.merges >= 0 else { continue }
            for _ in 0..<run.merges {
                depth &-= 1
                sum = waiting[depth] + sum
            }
            if index + 1 < runs.count {
                waiting[depth] = sum
                depth &+= 1
                sum = .zero
            }
        }
        sum.store(to: sums + column)
    }
}
