import Kernels
import TestSupport
import Testing

/// Groups of row indices, each with the tree of its sum; a nil tree means no rows.
private struct Groups {
    let trees: [PlainTree?]
    let rows: [[Int32]]

    init(_ trees: [PlainTree?], of count: Int, _ random: inout SeededRandom) {
        self.trees = trees
        rows = trees.map { tree in
            (0..<(tree?.steps ?? 0)).map { _ in Int32.random(in: 0..<Int32(count), using: &random) }
        }
    }

    /// The kernel's arguments.
    var starts: [Int32] { rows.reduce(into: [0]) { $0.append($0[$0.count - 1] + Int32($1.count)) } }

    var gathered: [GatheredRow] {
        zip(trees, rows).flatMap { tree, rows in
            let merges = (tree?.leaves ?? []).flatMap { leaf in
                [Int](repeating: LeafRun.continues, count: leaf.steps - 1) + [leaf.merges]
            }
            return zip(rows, merges).map { GatheredRow(row: $0, merges: Int32($1)) }
        }
    }
}

@Suite("Sum of gathered rows")
struct GatheredSumTests {
    private static let lanes = Vector.lanes

    @Test(
        "each group's rows, at any indices, are summed along its tree bit for bit; an empty group gives zeros",
        arguments: [
            1, lanes - 1, lanes, 2 * lanes + 3, 4 * lanes, 4 * lanes + 1, 6 * lanes - 1, 8 * lanes, 9 * lanes + 2,
        ])
    func bits(columns: Int) {
        var random = SeededRandom(UInt64(columns))
        // Whole vectors are read, so rows are padded to them; everything else is NaN.
        let (count, read) = (30, wholeVectors(columns))
        let pitch = read + 2
        let matrix = rowsAmongNaN((0..<30).map { $0 }, of: count, width: read, pitch: pitch, &random)
        let groups = Groups(
            [
                .leaf(steps: 1), nil, .leaf(steps: 20), .balanced([3, 1, 7, 1, 5, 4, 2]), nil,
                .leftToRight([2, 4, 6, 1]), .rightToLeft([Int](repeating: 2, count: 41)), .balanced([1, 1, 1, 1, 1]),
                nil,
            ], of: count, &random)
        // Results are in the groups' reverse order, with NaN between them.
        let resultPitch = columns + 1
        let blank = [Float](repeating: .nan, count: groups.trees.count * resultPitch)
        func offset(_ group: Int, _ column: Int) -> Int {
            (groups.trees.count - 1 - group) * resultPitch + column
        }
        for adding in [false, true] {
            var found = blank
            var expected = blank
            for (group, rows) in groups.rows.enumerated() {
                for column in 0..<columns {
                    let sum =
                        groups.trees[group]?.sum { steps in
                            steps.reduce(0) { $0 + matrix[Int(rows[$1]) * pitch + column] }
                        } ?? 0
                    let before = random.floats(1)[0]
                    if adding { found[offset(group, column)] = before }
                    expected[offset(group, column)] = adding ? before + sum : sum
                }
            }
            sum(matrix, pitch: pitch, columns: columns, groups, adding: adding, to: &found) { offset($0, 0) }
            let off = difference(found, expected)
            #expect(off == nil, "adding: \(adding)")
        }
    }

    @Test("another tree over the same rows gives other bits, so the comparison above can fail")
    func order() {
        var random = SeededRandom(1)
        let columns = 4 * Self.lanes
        let matrix = random.floats(9 * columns)
        let leaves = [2, 3, 2, 2]
        var sums: [[Float]] = []
        for tree in [PlainTree.balanced(leaves), .leftToRight(leaves), .leaf(steps: 9)] {
            var same = SeededRandom(2)
            let groups = Groups([tree], of: 9, &same)
            var found = [Float](repeating: .nan, count: columns)
            sum(matrix, pitch: columns, columns: columns, groups, adding: false, to: &found) { _ in 0 }
            sums.append(found)
        }
        #expect(Set(sums).count == 3)
    }

    @Test("with no groups nothing is written")
    func nothing() {
        var random = SeededRandom(3)
        let none = Groups([], of: 1, &random)
        var found: [Float] = [5]
        sum([1], pitch: 1, columns: 1, none, adding: false, to: &found) { _ in 0 }
        #expect(found == [5])
    }

    private func sum(
        _ matrix: [Float], pitch: Int, columns: Int, _ groups: Groups, adding: Bool, to result: inout [Float],
        _ offset: (Int) -> Int
    ) {
        var stack = [Float](repeating: .nan, count: leafStackCount)
        let (starts, rows) = (groups.starts, groups.gathered)
        withMemory(of: &result) { result in
            withMemory(of: &stack) { stack in
                starts.withUnsafeBufferPointer { starts in
                    sumGatheredRows(
                        matrix, pitch: pitch, columns: columns, starts: starts, rows: rows, adding: adding,
                        stack: stack
                    ) { result + offset($0) }
                }
            }
        }
    }
}
