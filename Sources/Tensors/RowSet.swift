/// A set of rows of a matrix: one bit per row.
package final class RowSet {
    /// The number of rows of the matrix.
    package let rows: Int
    private let words: UnsafeMutableBufferPointer<UInt64>
    /// The owner of the memory; nil if the set allocated it.
    private let owner: AnyObject?

    /// An empty set.
    package init(rows: Int) {
        self.rows = rows
        words = .allocate(capacity: Self.wordCount(rows))
        owner = nil
        words.initialize(repeating: 0)
    }

    /// A set in zeroed memory that belongs to `owner`, such as a part of a shared window.
    ///
    /// - Parameters:
    ///   - memory: `byteCount(rows:)` bytes, aligned to 8; the set doesn't free them.
    ///   - owner: kept alive as long as the set.
    package init(borrowing memory: UnsafeMutableRawPointer, rows: Int, owner: AnyObject) {
        self.rows = rows
        words = .init(
            start: memory.bindMemory(to: UInt64.self, capacity: Self.wordCount(rows)), count: Self.wordCount(rows))
        self.owner = owner
    }

    deinit { if owner == nil { words.deallocate() } }

    private static func wordCount(_ rows: Int) -> Int { (rows + 63) / 64 }
    package static func byteCount(rows: Int) -> Int { wordCount(rows) * MemoryLayout<UInt64>.stride }

    package func insert(_ row: Int) { words[row / 64] |= 1 << UInt64(row % 64) }

    package func insertAll() {
        words.update(repeating: .max)
        if rows % 64 > 0 { words[words.count - 1] = (1 << UInt64(rows % 64)) - 1 }
    }

    package func removeAll() { words.update(repeating: 0) }

    /// Inserts the rows of a set of the same matrix.
    package func formUnion(_ other: RowSet) {
        precondition(rows == other.rows, "sets of rows of \(rows) and of \(other.rows)")
        for word in words.indices { words[word] |= other.words[word] }
    }

    /// The set as bits, 64 rows per word, for reductions over ranks.
    package var bits: UnsafeMutableBufferPointer<UInt64> { words }

    /// Calls `body` with the set's rows within `range`, ascending: up to 64 adjacent rows as one range.
    package func forEachRun(in range: Range<Int>, _ body: (Range<Int>) -> Void) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
        guard !range.isEmpty else { return }
        for word in range.lowerBound / 64...(range.upperBound - 1) / 64 {
            var bits = words[word]
            while bits != 0 {
                let first = bits.trailingZeroBitCount
                let count = (~(bits >> UInt64(first))).trailingZeroBitCount  // at most 64 - first: zeros are shifted in
                bits &= count + first == 64 ? 0 : UInt64.max << UInt64(first + count)
                let run = (word * 64 + first..<word * 64 + first + count).clamped(to: range)
                if !run.isEmpty { body(run) }
            }
        }
    }
}
