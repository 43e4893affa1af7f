import Kernels

/// The part of a gradient block that each owner sums and updates. Every range that a backward pass finishes at once is
/// cut into one slice for each owner, so that all owners have work as soon as a range is final.
///
/// Slices consist of whole partial sums of the block's sum of squares, so that the bits of the norm depend on neither
/// the ranges nor the number of owners. A partial sum that crosses a border belongs to the lower range, which is
/// finished later.
package struct GradientSlices: Sendable {
    private let count: Int
    private let owners: Int
    /// The indices of the partial sums of each range, in the order in which the ranges are finished.
    private let parts: [Range<Int>]

    /// - Parameters:
    ///   - count: the number of floats in a block.
    ///   - ranges: adjacent, from the block's end to its start (`NetworkConfiguration.finishingRanges`).
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
        func firstPart(from offset: Int) -> Int { (offset + PartialSum.length - 1) / PartialSum.length }
        parts = ranges.map { firstPart(from: $0.lowerBound)..<firstPart(from: $0.upperBound) }
    }

    /// The partial sums of range number `range` that `owner` owns; empty for a rank that owns nothing.
    package func partialSums(_ range: Int, of owner: Int) -> Range<Int> {
        guard owner < owners else { return parts[range].lowerBound..<parts[range].lowerBound }
        return Shard.rows(parts[range], part: owner, of: owners)
    }

    /// The floats of partial sum number `part`.
    package func floats(_ part: Int) -> Range<Int> {
        part * PartialSum.length..<min((part + 1) * PartialSum.length, count)
    }

    /// The floats of range number `range` that `owner` owns.
    package func slice(_ range: Int, of owner: Int) -> Range<Int> {
        let parts = partialSums(range, of: owner)
        return min(parts.lowerBound * PartialSum.length, count)..<min(parts.upperBound * PartialSum.length, count)
    }

    /// All floats that `owner` owns: its slices of the ranges; adjacent slices are joined.
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
