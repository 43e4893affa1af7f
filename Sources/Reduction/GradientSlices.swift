import Kernels

/// Which part of a gradient block each owner sums and updates: of every range that a backward pass finishes at once, a
/// slice an owner, so that all have work as soon as a range is there.
///
/// Slices are made of whole partial sums of the block's sum of squares, so that the norm's bits depend on neither the
/// ranges nor the number of owners. A partial sum that reaches over a border belongs to the lower range, which is finished
/// later.
package struct GradientSlices: Sendable {
    private let count: Int
    private let owners: Int
    /// Of each range, in the order they are finished, its partial sums by number.
    private let parts: [Range<Int>]

    /// - Parameters:
    ///   - count: floats of a block.
    ///   - ranges: adjoining, from the block's end to its start (`NetworkConfiguration.finishingRanges`).
    package init(count: Int, ranges: [Range<Int>], owners: Int) {
        precondition(owners > 0, "slices have owners")
        var end = count
        for range in ranges {
            precondition(range.upperBound == end, "ranges adjoin, from the end")
            end = range.lowerBound
        }
        precondition(end == 0, "ranges reach down to the block's start")
        self.count = count
        self.owners = owners
        func firstPart(from place: Int) -> Int { (place + PartialSum.length - 1) / PartialSum.length }
        parts = ranges.map { firstPart(from: $0.lowerBound)..<firstPart(from: $0.upperBound) }
    }

    /// The partial sums of range number `range` that are `owner`'s; none for a rank that owns nothing.
    package func partialSums(_ range: Int, of owner: Int) -> Range<Int> {
        guard owner < owners else { return parts[range].lowerBound..<parts[range].lowerBound }
        return Shard.rows(parts[range], part: owner, of: owners)
    }

    /// The floats of partial sum number `part`.
    package func floats(_ part: Int) -> Range<Int> {
        part * PartialSum.length..<min((part + 1) * PartialSum.length, count)
    }

    /// The floats of range number `range` that are `owner`'s.
    package func slice(_ range: Int, of owner: Int) -> Range<Int> {
        let parts = partialSums(range, of: owner)
        return min(parts.lowerBound * PartialSum.length, count)..<min(parts.upperBound * PartialSum.length, count)
    }

    /// All that `owner` owns: slices of the ranges, those that adjoin as one.
    package func slices(of owner: Int) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for slice in parts.indices.map({ slice($0, of: owner) }) where !slice.isEmpty {
            if let last = result.last, slice.upperBound == last.lowerBound {
                result[result.count - 1] = slice.lowerBound..<last.upperBound
            } else {
                result.append(slice)
            }
        }
        return result
    }
}
