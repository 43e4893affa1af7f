import Tensors

/// A rank's share of rows that are spread over ranks in contiguous blocks.
package enum Shard {
    /// Rows of part `part` of `parts`: from part · count / parts to (part + 1) · count / parts, both rounded up. Parts
    /// differ by one row at most, and some are empty when there are more parts than rows.
    package static func rows(_ count: Int, part: Int, of parts: Int) -> Range<Int> {
        (part * count + parts - 1) / parts..<((part + 1) * count + parts - 1) / parts
    }

    /// A part of a range.
    package static func rows(_ range: Range<Int>, part: Int, of parts: Int) -> Range<Int> {
        let rows = rows(range.count, part: part, of: parts)
        return range.lowerBound + rows.lowerBound..<range.lowerBound + rows.upperBound
    }

    /// A part of a range of floats that begins on a cache line, in whole cache lines: no two parts share one.
    package static func floats(_ range: Range<Int>, part: Int, of parts: Int) -> Range<Int> {
        let line = FloatBlock.alignment / MemoryLayout<Float>.stride
        let lines = rows((range.count + line - 1) / line, part: part, of: parts)
        return min(
            range.lowerBound + lines.lowerBound * line, range.upperBound)..<min(
                range.lowerBound + lines.upperBound * line, range.upperBound)
    }
}
