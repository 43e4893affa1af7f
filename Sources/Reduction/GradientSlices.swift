package import Tensors

/// The part of a gradient block that each owner sums and updates. Every range that a backward pass finishes at once is
/// cut into one slice for each owner, so that all owners have work as soon as a range is final.
///
/// Slices consist of whole chunks (`TensorChunks`), so that the bits of the norm do not depend on the number of owners.
package struct GradientSlices: Sendable {
    package let chunks: TensorChunks
    private let owners: Int
    /// The chunks of each range, in the order in which the ranges are finished.
    private let ranges: [Range<Int>]

    /// - Parameter ranges: adjacent, from the block's end to its start; each begins at a tensor
    ///   (`NetworkConfiguration.finishingRanges`).
    package init(_ chunks: TensorChunks, ranges: [Range<Int>], owners: Int) {
        precondition(owners > 0, "slices have owners")
        self.chunks = chunks
        self.owners = owners
        self.ranges = ranges.map(chunks.chunks(of:))
        var end = chunks.count
        for range in self.ranges {
            precondition(range.upperBound == end, "ranges adjoin, from the end")
            end = range.lowerBound
        }
        precondition(end == 0, "ranges reach down to the block's start")
    }

    /// The chunks of range number `range` that `owner` owns; empty for a rank that owns nothing.
    package func chunks(_ range: Int, of owner: Int) -> Range<Int> {
        guard owner < owners else { return ranges[range].lowerBound..<ranges[range].lowerBound }
        return Shard.rows(ranges[range], part: owner, of: owners)
    }

    /// The floats of range number `range` that `owner` owns.
    package func slice(_ range: Int, of owner: Int) -> Range<Int> { chunks.floats(chunks(range, of: owner)) }

    /// All floats that `owner` owns: its slices of the ranges; adjacent slices are joined.
    package func slices(of owner: Int) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for slice in ranges.indices.map({ slice($0, of: owner) }) where !slice.isEmpty {
            if let last = result.last, slice.upperBound == last.lowerBound {
                result[result.count - 1] = slice.lowerBound..<last.upperBound
            } else {
                result.append(slice)
            }
        }
        return result
    }
}
