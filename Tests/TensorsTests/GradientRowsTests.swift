import Tensors
import Testing

@Suite("Rows of a gradient")
struct GradientRowsTests {
    private func rows(_ set: RowSet, in range: Range<Int>? = nil) -> [Int] {
        var found: [Int] = []
        set.forEachRun(in: range ?? 0..<set.rows) { found += Array($0) }
        return found
    }

    @Test("a set has the rows that were inserted, in order, and those of its union", arguments: [1, 63, 64, 65, 200])
    func sets(count: Int) {
        let (a, b) = (RowSet(rows: count), RowSet(rows: count))
        #expect(rows(a).isEmpty)
        let inserted = (0..<count).filter { $0 % 5 == 0 || (60..<70).contains($0) || $0 == count - 1 }
        for row in inserted.reversed() { a.insert(row) }
        #expect(rows(a) == inserted)
        for first in 0...count {
            for end in first...count {
                #expect(rows(a, in: first..<end) == inserted.filter { (first..<end).contains($0) })
            }
        }
        for row in 0..<count where row % 7 == 3 { b.insert(row) }
        b.formUnion(a)
        #expect(rows(b) == (0..<count).filter { inserted.contains($0) || $0 % 7 == 3 })
        b.insertAll()
        #expect(rows(b) == Array(0..<count))
        a.removeAll()
        #expect(rows(a).isEmpty)
    }

    @Test("sets that borrow the same memory have the same rows")
    func borrowed() {
        final class Owner {}
        let memory = UnsafeMutableRawPointer.allocate(byteCount: RowSet.byteCount(rows: 100), alignment: 8)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: RowSet.byteCount(rows: 100))
        let (one, other) = (
            RowSet(borrowing: memory, rows: 100, owner: Owner()), RowSet(borrowing: memory, rows: 100, owner: Owner())
        )
        one.insert(77)
        #expect(rows(other) == [77])
    }

    /// A block with a matrix of `count` rows of `width`, and `behind` more floats.
    private func filled(_ count: Int, _ width: Int, behind: Int, _ touched: [Int]) -> (GradientRows, [Float]) {
        let rows = GradientRows(touched: RowSet(rows: count), width: width, isZero: true)
        var block = [Float](repeating: 0, count: count * width + behind)
        for row in touched {
            rows.touch(row)
            for place in row * width..<(row + 1) * width { block[place] = Float(place + 1) }
        }
        for place in count * width..<block.count { block[place] = Float(place + 1) }
        return (rows, block)
    }

    @Test(
        "ranges ascend on cache lines, and cover all lines with a non-zero value and no others",
        arguments: [(40, 3, 100), (40, 16, 0), (30, 37, 5), (7, 1, 64), (0, 1, 50), (12, 200, 1)])
    func ranges(count: Int, width: Int, behind: Int) {
        let touched = (0..<count).filter { $0 % 6 == 1 || $0 == count - 1 }
        let (rows, block) = filled(count, width, behind: behind, touched)
        for first in stride(from: 0, through: block.count, by: 13) {
            for end in Set([first, min(first + 29, block.count), block.count]) {
                var done = first
                var seen = [Bool](repeating: false, count: block.count)
                rows.forEachRange(in: first..<end) { range in
                    #expect(range.lowerBound >= done && range.upperBound <= end && !range.isEmpty)
                    #expect(range.lowerBound % 16 == 0 || range.lowerBound == first)
                    #expect(range.upperBound % 16 == 0 || range.upperBound == end)
                    done = range.upperBound
                    for place in range { seen[place] = true }
                }
                for place in first..<end {
                    if block[place] != 0 { #expect(seen[place], "\(place) is missing") }
                    let line = place / 16 * 16..<min(place / 16 * 16 + 16, block.count)
                    if seen[place] { #expect(line.contains { block[$0] != 0 }, "\(place) is covered for nothing") }
                }
            }
        }
    }

    @Test("clearing makes the matrix zero and leaves the floats after it")
    func clearing() {
        var (rows, block) = filled(9, 5, behind: 4, [0, 3, 4, 8])
        rows.clear(&block)
        #expect(block[..<45].allSatisfy { $0 == 0 } && block[45...] == [46, 47, 48, 49])
        rows.forEachRange(in: 0..<32) { range in Issue.record("\(range) of a matrix of zeros") }
    }

    @Test("all rows of a block with unknown contents are covered and cleared")
    func unknown() {
        let rows = GradientRows(touched: RowSet(rows: 9), width: 5, isZero: false)
        var ranges: [Range<Int>] = []
        rows.forEachRange(in: 0..<49) { ranges.append($0) }
        #expect(ranges.flatMap { Array($0) } == Array(0..<49))
        var block = [Float](repeating: 1, count: 49)
        rows.clear(&block)
        #expect(block[..<45].allSatisfy { $0 == 0 })
        rows.touchAll()
        #expect(self.rows(rows.touched) == Array(0..<9) && self.rows(rows.filled) == Array(0..<9))
    }
}
