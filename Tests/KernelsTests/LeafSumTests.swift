import Kernels
import TestSupport
import Testing

/// A product summed along a tree, computed by plain loops.
private struct PlainLeaves {
    let rows: Int
    let columns: Int
    let tree: PlainTree
    let a: [Float]
    let b: [Float]

    var inner: Int { tree.steps }

    init(_ rows: Int, _ columns: Int, _ tree: PlainTree, _ random: inout SeededRandom) {
        self.rows = rows
        self.columns = columns
        self.tree = tree
        a = random.floats(rows * tree.steps)
        b = random.floats(tree.steps * columns)
    }

    /// A chain over the k of each leaf, with the rounding of the SIMD level's multiply-add.
    func sum(_ row: Int, _ column: Int, along tree: PlainTree? = nil) -> Float {
        (tree ?? self.tree).sum { steps in
            steps.reduce(Vector.zero) {
                $0.plus(Vector(repeating: a[row * inner + $1]), times: Vector(repeating: b[$1 * columns + column]))
            }[0]
        }
    }

    /// The sum in Double, of the products or (`term` = abs) of their magnitudes.
    func exact(_ row: Int, _ column: Int, _ term: (Double) -> Double = { $0 }) -> Double {
        (0..<inner).reduce(0) { $0 + term(Double(a[row * inner + $1]) * Double(b[$1 * columns + column])) }
    }

    /// The right factor with NaN in the padding lanes.
    var panel: [Float] {
        let width = wholeVectors(columns)
        var panel = [Float](repeating: .nan, count: inner * width)
        for k in 0..<inner { for column in 0..<columns { panel[k * width + column] = b[k * columns + column] } }
        return panel
    }
}

/// The memory layouts of a left factor: each run in separate memory, with rows before `firstRow`.
private enum Lay: CaseIterable {
    /// k by k, as gates are packed.
    case steps
    /// Row by row, like the output layer's panels; with `cutRows` each panel holds only a part of a leaf's k.
    case rows, cutRows

    private static let firstRow = 3

    /// `plain.a` in this layout, with NaN in between.
    func factor(_ plain: PlainLeaves, _ body: (LeafFactor) -> Void) {
        let (firstRow, longest) = (Self.firstRow, self == .cutRows ? 2 : Int.max)
        let step = self == .steps ? firstRow + plain.rows + 2 : 1
        var memory: [Float] = [.nan]
        var runs: [LeafRun] = []
        var first = 0
        for leaf in plain.tree.leaves {
            let end = first + leaf.steps
            repeat {
                let count = min(longest, end - first)
                let stride = self == .steps ? 1 : count + runs.count % 3
                let offset = memory.count
                runs.append(
                    LeafRun(
                        offset: offset, rowStride: stride, steps: count,
                        merges: first + count == end ? leaf.merges : LeafRun.continues))
                memory += [Float](repeating: .nan, count: (firstRow + plain.rows) * stride + count * step)
                for row in 0..<plain.rows {
                    for i in 0..<count {
                        memory[offset + (firstRow + row) * stride + i * step] = plain.a[row * plain.inner + first + i]
                    }
                }
                first += count
            } while first < end
        }
        withMemory(of: &memory) { memory in
            runs.withUnsafeBufferPointer { body(LeafFactor(memory, firstRow: firstRow, step: step, runs: $0)) }
        }
    }
}

/// The offsets of a result's elements in memory that is NaN elsewhere.
private struct ResultLayout {
    let pitch: Int
    let groupRows: Int
    let groupStride: Int

    /// - Parameter groupRows: nil means no groups.
    init(columns: Int, groupRows: Int? = nil) {
        let pitch = columns + 3
        self.pitch = pitch
        self.groupRows = groupRows ?? Int.max
        groupStride = groupRows.map { $0 * pitch + 7 } ?? 0
    }

    func callAsFunction(_ row: Int, _ column: Int) -> Int {
        row / groupRows * groupStride + row % groupRows * pitch + column
    }
}

/// Runs `body` with memory for waiting sums, and checks that nothing is written beyond it.
private func withStack(_ body: (UnsafeMutablePointer<Float>) -> Void) {
    var stack = [Float](repeating: .nan, count: leafStackCount) + [77, 77]
    withMemory(of: &stack) { body($0) }
    #expect(stack[leafStackCount...] == [77, 77], "something was written beyond the waiting sums")
}

/// The memory after the kernel, which adds to `before` if it is not nil; NaN outside the result.
private func multiplied(
    _ plain: PlainLeaves, _ lay: Lay, _ layout: ResultLayout, addingTo before: [Float]? = nil, block: Int
) -> [Float] {
    var memory = [Float](repeating: .nan, count: layout(plain.rows, 0) + Vector.lanes)
    if let before {
        for row in 0..<plain.rows {
            for column in 0..<plain.columns { memory[layout(row, column)] = before[row * plain.columns + column] }
        }
    }
    let panel = plain.panel
    lay.factor(plain) { a in
        withMemory(of: &memory) { to in
            withStack { stack in
                multiplyByLeaves(
                    rows: plain.rows, a, panel: panel, columns: plain.columns, adding: before != nil,
                    into: GroupedRows(
                        to, pitch: layout.pitch, groupRows: layout.groupRows, groupStride: layout.groupStride),
                    stack: stack, block: block)
            }
        }
    }
    return memory
}

/// Each tile through all leaves, and leaf by leaf in blocks: cut and whole.
private let blocks = [0, 1, 4, 64]

/// The same memory, computed by plain sums.
private func expected(_ plain: PlainLeaves, _ layout: ResultLayout, addingTo before: [Float]? = nil) -> [Float] {
    var memory = [Float](repeating: .nan, count: layout(plain.rows, 0) + Vector.lanes)
    for row in 0..<plain.rows {
        for column in 0..<plain.columns {
            let sum = plain.sum(row, column)
            memory[layout(row, column)] = before.map { $0[row * plain.columns + column] + sum } ?? sum
        }
    }
    return memory
}

@Suite("Product summed by leaves")
struct LeafProductTests {
    private static let lanes = Vector.lanes
    /// Trees of leaves of unequal lengths; some leaves are empty.
    private static let trees: [PlainTree] = [
        .leaf(steps: 0), .leaf(steps: 9), .balanced([3, 0, 7, 1, 5, 0, 2]), .leftToRight([0, 4, 1, 6, 5]),
        .rightToLeft([2, 5, 0, 1]), .sum(.balanced([5, 5, 5]), .leftToRight([2, 8, 0])),
    ]

    @Test(
        "every element is the sum of its leaves' chains along the tree, bit for bit, and nothing else is written",
        arguments: 1...2 * Tuning.leafRows + 1)
    func bits(rows: Int) {
        var random = SeededRandom(UInt64(rows))
        for columns in [1, Self.lanes - 1, Self.lanes, Self.lanes + 3, 2 * Self.lanes] {
            for (number, tree) in Self.trees.enumerated() {
                let plain = PlainLeaves(rows, columns, tree, &random)
                let before = random.floats(rows * columns)
                let layout = ResultLayout(columns: columns)
                let (sums, added) = (expected(plain, layout), expected(plain, layout, addingTo: before))
                for lay in Lay.allCases {
                    for block in blocks {
                        let set = difference(multiplied(plain, lay, layout, block: block), sums)
                        let add = difference(multiplied(plain, lay, layout, addingTo: before, block: block), added)
                        #expect(set == nil && add == nil, "\(columns) columns, tree \(number), \(lay), block \(block)")
                    }
                }
            }
        }
    }

    @Test(
        "groups of rows are written to separate memory", arguments: [1, 5, Tuning.leafRows, Tuning.leafRows + 1, 1000])
    func groups(groupRows: Int) {
        var random = SeededRandom(UInt64(groupRows))
        let plain = PlainLeaves(3 * Tuning.leafRows - 1, Self.lanes + 1, .balanced([3, 1, 4]), &random)
        let before = random.floats(plain.rows * plain.columns)
        let layout = ResultLayout(columns: plain.columns, groupRows: groupRows)
        let (sums, added) = (expected(plain, layout), expected(plain, layout, addingTo: before))
        for block in blocks {
            let set = difference(multiplied(plain, .steps, layout, block: block), sums)
            let add = difference(multiplied(plain, .rows, layout, addingTo: before, block: block), added)
            #expect(set == nil && add == nil, "block \(block)")
        }
    }

    @Test("a long sum is near that of a plain loop in Double")
    func long() {
        var random = SeededRandom(4)
        for tree in [PlainTree.balanced([Int](repeating: 35, count: 20)), .leaf(steps: 700)] {
            let plain = PlainLeaves(2 * Tuning.leafRows + 1, 2 * Self.lanes - 3, tree, &random)
            let layout = ResultLayout(columns: plain.columns)
            let found = multiplied(plain, .cutRows, layout, block: 0)
            #expect(difference(multiplied(plain, .cutRows, layout, block: 64), found) == nil)
            // A term is rounded once as a product and once by each later addition, each time by at most 2^-24 of a sum
            // that does not exceed the sum of all magnitudes.
            let roundings = Double((tree.leaves.map(\.steps).max() ?? 0) + tree.depth + 1)
            for row in 0..<plain.rows {
                for column in 0..<plain.columns {
                    let bound = roundings * 0x1p-24 * plain.exact(row, column, abs)
                    #expect(abs(Double(found[layout(row, column)]) - plain.exact(row, column)) <= bound)
                }
            }
        }
    }

    @Test("forty sums can wait at the same time")
    func deep() {
        var random = SeededRandom(5)
        let tree = PlainTree.rightToLeft([Int](repeating: 2, count: 41))
        let plain = PlainLeaves(3 * Tuning.leafRows, Tuning.leafVectors * Self.lanes, tree, &random)
        let layout = ResultLayout(columns: plain.columns)
        for block in blocks {
            let off = difference(multiplied(plain, .steps, layout, block: block), expected(plain, layout))
            #expect(off == nil, "block \(block)")
        }
    }

    @Test("another tree over the same leaves gives other bits, so the comparisons above can fail")
    func order() {
        var random = SeededRandom(6)
        let leaves = [5, 6, 7, 8]
        let plain = PlainLeaves(4, Self.lanes, .balanced(leaves), &random)
        let layout = ResultLayout(columns: plain.columns)
        let found = multiplied(plain, .steps, layout, block: 0)
        for other in [PlainTree.leftToRight(leaves), .rightToLeft(leaves), .leaf(steps: 26)] {
            let differs = (0..<plain.rows).contains { row in
                (0..<plain.columns).contains { found[layout(row, $0)] != plain.sum(row, $0, along: other) }
            }
            #expect(differs)
        }
    }

    @Test("panels cover the columns in order; all but the last are whole vectors", arguments: 0...100)
    func panels(columns: Int) {
        let panels = Array(ColumnPanels.forLeaves(of: columns))
        #expect(panels.flatMap { Array($0) } == Array(0..<columns))
        #expect(panels.allSatisfy { (1...Tuning.leafVectors * Self.lanes).contains($0.count) })
        #expect(panels.dropLast().allSatisfy { $0.count % Self.lanes == 0 })
    }
}

@Suite("Sum of rows by leaves")
struct RowSumTests {
    @Test("rows at any offsets are summed along the tree, bit for bit", arguments: [false, true])
    func bits(byTime: Bool) {
        var random = SeededRandom(byTime ? 1 : 2)
        let columns = Tuning.tileColumns
        let trees: [PlainTree] = [
            .leaf(steps: 0), .leaf(steps: 11), .balanced([3, 0, 7, 1, 5, 0, 2]), .leftToRight([0, 4, 1, 6]),
            .rightToLeft([Int](repeating: 2, count: 41)),
        ]
        for (number, tree) in trees.enumerated() {
            // By time: row (t, leaf) of a matrix as long as the longest leaf, the layout of gate gradients.
            let longest = tree.leaves.map(\.steps).max() ?? 0
            let step = byTime ? tree.leaves.count * columns : columns
            let matrix = random.floats(tree.leaves.count * longest * columns)
            let starts = tree.leaves.indices.map { byTime ? $0 * columns : $0 * longest * columns }
            var steps: [Int] = []
            for (start, leaf) in zip(starts, tree.leaves) {
                steps += (0..<leaf.steps).map { start + $0 * step }
            }
            let sums = (0..<columns).map { column in
                tree.sum { leaf in leaf.reduce(0) { $0 + matrix[steps[$1] + column] } }
            }
            for most in [2, Int.max] {
                let runs = zip(starts, tree.leaves).flatMap { start, leaf in
                    let cuts = stride(from: 0, to: max(leaf.steps, 1), by: min(most, max(leaf.steps, 1)))
                    return cuts.map { first in
                        let count = min(most, leaf.steps - first)
                        return LeafRun(
                            offset: start + first * step, steps: count,
                            merges: first + count == leaf.steps ? leaf.merges : LeafRun.continues)
                    }
                }
                var stack = [Float](repeating: .nan, count: leafStackCount)
                withMemory(of: &stack) { stack in
                    runs.withUnsafeBufferPointer { sumRowsByLeaves(matrix, step: step, runs: $0, stack: stack) }
                }
                let off = difference(Array(stack[..<columns]), sums)
                #expect(off == nil, "tree \(number), runs of at most \(most)")
            }
        }
    }
}
