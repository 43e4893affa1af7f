internal import CVectors

// A sum by leaves that takes the leaves one by one, each through several tiles, instead of a tile through all leaves.
//
//     for each group of tiles
//         for each block of a leaf's steps
//             for each tile     its accumulators += block of the left factor x block of the panel
//
// A block of the panel (8 KB for 64 steps) is read from L2 once for all tiles of a group, and while a block is
// computed, the next block of the panel and of the left factor are prefetched into L1: a line for each step. The waiting
// sums of the tiles lie side by side in the stack.

/// A block of steps of one run.
private struct StepBlock {
    /// The left factor's elements of row 0 at the first step.
    var elements: UnsafePointer<Float>
    let rowStride: Int
    let steps: Int
    /// Whether a leaf begins with this block.
    let beginsLeaf: Bool
    /// As `LeafRun.merges`, after the block.
    let merges: Int
}

/// The blocks of a left factor's runs in order, of at most `most` steps each; those of a run are of nearly equal length,
/// because each prefetches the next one.
private struct StepBlocks {
    private let a: LeafFactor
    private let firstRow: Int
    private let most: Int
    private var run = 0
    private var done = 0
    private var beginsLeaf = true

    init(_ a: LeafFactor, firstRow: Int, most: Int) {
        self.a = a
        self.firstRow = firstRow
        self.most = most
    }

    mutating func next() -> StepBlock? {
        guard run < a.runs.count else { return nil }
        let current = a.runs[run]
        let left = current.steps &- done
        let blocks = max(1, (left &+ most &- 1) / most)
        let steps = (left &+ blocks &- 1) / blocks
        let endsRun = done &+ steps == current.steps
        let block = StepBlock(
            elements: a.pointer + (current.offset &+ firstRow &* current.rowStride &+ done &* a.step),
            rowStride: current.rowStride, steps: steps, beginsLeaf: beginsLeaf,
            merges: endsRun ? current.merges : LeafRun.continues)
        beginsLeaf = block.merges >= 0
        done = endsRun ? 0 : done &+ steps
        run = endsRun ? run &+ 1 : run
        return block
    }
}

/// The maximum number of sums of a tile that are in the stack at once, with the current one.
private func depth(_ runs: UnsafeBufferPointer<LeafRun>) -> Int {
    var (waiting, deepest) = (0, 0)
    for run in runs where run.merges >= 0 {
        waiting += 1
        deepest = max(deepest, waiting)
        waiting -= run.merges
    }
    return deepest
}

/// `multiplyByLeaves` in this order, with blocks of at most `most` steps; same parameters, same bits.
func multiplyLeafByLeaf(
    rows: Int, _ a: LeafFactor, panel: UnsafePointer<Float>, columns: Int, adding: Bool, into result: GroupedRows,
    stack: UnsafeMutablePointer<Float>, block most: Int
) {
    let vectors = wholeVectors(columns) / Vector.lanes
    let size = Tuning.leafRows &* vectors &* Vector.lanes
    let tilesAtOnce = max(1, min(Tuning.leafTilesAtOnce, (WaitingVectors.count + 1) / max(1, depth(a.runs))))
    forEachTile(of: rows, most: tilesAtOnce * Tuning.leafRows) { _, firstOfGroup, groupRows in
        let firstRow = a.firstRow &+ firstOfGroup
        let tiles = (groupRows + Tuning.leafRows - 1) / Tuning.leafRows
        var blocks = StepBlocks(a, firstRow: firstRow, most: most)
        var coming = blocks
        let firstBlock = coming.next()
        var b = panel
        var top = 0
        while let block = blocks.next() {
            // After the last block, the next panel's product begins with the same left factor.
            let following = coming.next()
            let next = following ?? firstBlock ?? block
            let nextPanel = b + block.steps &* vectors &* Vector.lanes
            forEachTile(of: groupRows, most: Tuning.leafRows) { tile, first, count in
                let ahead = lines(
                    ofTile: tile, tiles, panel: nextPanel, vectors: vectors, block.steps, next, rows: groupRows,
                    step: a.step)
                if following == nil { prefetch(result, firstOfGroup &+ first, rows: count, columns: columns) }
                forLeafTile(
                    rows: count, vectors: vectors,
                    AddBlock(
                        block: block, firstRow: first, step: a.step, panel: b,
                        top: stack + (top &* tiles &+ tile) &* size, below: tiles &* size, ahead: ahead))
            }
            b = nextPanel
            if block.merges >= 0 { top += 1 - block.merges }
        }
        forEachTile(of: groupRows, most: Tuning.leafRows) { tile, first, count in
            put(
                stack + tile &* size, rows: count, width: vectors &* Vector.lanes, columns: columns, adding: adding,
                into: result, firstRow: firstOfGroup &+ first)
        }
    }
}

/// The lines that a tile prefetches, one for each step: the tiles of a group divide the next block's lines among
/// themselves, first the panel's and then the left factor's.
private func lines(
    ofTile tile: Int, _ tiles: Int, panel: UnsafePointer<Float>, vectors: Int, _ steps: Int, _ next: StepBlock,
    rows: Int, step: Int
) -> Ahead {
    let line = Tuning.lineFloats
    let linesOfPanel = (vectors &* Vector.lanes &+ line &- 1) / line
    if tile < linesOfPanel { return Ahead(pointer: panel + tile &* steps &* line, step: line, blockStride: 0) }
    // Rows whose steps are contiguous: the first line of each row.
    if step == 1 {
        let row = min((tile &- linesOfPanel) &* steps, rows &- 1)
        return Ahead(pointer: next.elements + row &* next.rowStride, step: next.rowStride, blockStride: 0)
    }
    let column = min((tile &- linesOfPanel) &* line, rows &- 1)
    return Ahead(pointer: next.elements + column &* next.rowStride, step: step, blockStride: 0)
}

/// Prefetches some rows of the result.
private func prefetch(_ result: GroupedRows, _ first: Int, rows: Int, columns: Int) {
    result.forEachRow(first..<first &+ rows) { _, row in
        for column in stride(from: 0, to: columns, by: Tuning.lineFloats) { prefetch_line(row + column) }
        prefetch_line(row + (columns &- 1))
    }
}

/// Adds a block's products to a tile's sum, which is at `top` unless the block begins a leaf; adds the waiting sums
/// that the leaf merges with, which lie `below` floats apart, and leaves the sum at the lowest of them.
private struct AddBlock: WorkOfTile {
    let block: StepBlock
    let firstRow: Int
    let step: Int
    let panel: UnsafePointer<Float>
    let top: UnsafeMutablePointer<Float>
    let below: Int
    let ahead: Ahead

    @inline(__always)
    func run<Shape: RowsOfTile>(_: Shape.Type, rows: Int) {
        // Constant pitches, because addresses that are added up row by row would limit the loop.
        switch block.rowStride {
        case 1: add(Shape.self, pitch: 1)
        case Tuning.tileColumns: add(Shape.self, pitch: Tuning.tileColumns)
        default: add(Shape.self, pitch: block.rowStride)
        }
    }

    @inline(__always)
    private func add<Shape: RowsOfTile>(_: Shape.Type, pitch: Int) {
        let width = Shape.Row.vectors &* Vector.lanes
        var elements = block.elements + firstRow &* pitch
        var b = panel
        var line = ahead.pointer
        var sum = top
        var tile = block.beginsLeaf ? Shape() : Shape(at: top, pitch: width)
        for _ in 0..<block.steps {
            prefetch_line(line)
            tile.add(elements, pitch: pitch, times: Shape.Row(at: b))
            elements += step
            line += ahead.step
            b += width
        }
        if block.merges > 0 {
            for _ in 0..<block.merges {
                sum -= below
                tile.add(sum, pitch: width)
            }
        }
        tile.store(to: sum, pitch: width)
    }
}
