import Tensors

/// A rank's share of rows that are spread over ranks in contiguous blocks.
package enum Shard {
    /// The rows of part `part` of `parts`: from part · count / parts to (part + 1) · count / parts, both rounded up.
    /// The sizes of parts differ by at most one row; some parts are empty if there are more parts than rows.
    package static func rows(_ count: Int, part: Int, of parts: Int) -> Range<Int> {
        (part * count + parts - 1) / parts..<((part + 1) * count + parts - 1) / parts
    }

    /// A part of a range.
    package static func rows(_ range: Range<Int>, part: Int, of parts: Int) -> Range<Int> {
        let rows = rows(range.count, part: part, of: parts)
        return range.lowerBound + rows.lowerBound..<range.lowerBound + rows.upperBound
    }

    /// A part, in whole cache lines, of a range of floats that begins on a cache line: no two parts share a line.
    package static func floats(_ range: Range<Int>, part: Int, of parts: Int) -> Range<Int> {
        let line = FloatBlock.alignment / MemoryLayout<Float>.stride
        let lines = rows((range.count + line - 1) / line, part: part, of: parts)
        return min(
            range.lowerBound + lines.lowerBound * line, range.upperBound)..<min(
                range.lowerBound + lines.upperBound * line, range.upperBound)
    }
}
