import Reduction
import Testing

@Suite("Slices of a gradient block")
struct GradientSlicesTests {
    private static let part = 4096
    private static let blocks: [(count: Int, ranges: [Range<Int>])] = [
        (16, [0..<16]),
        (100_000, [90_000..<100_000, 40_000..<90_000, 39_984..<40_000, 0..<39_984]),
        (8 * part, [4 * part..<8 * part, 4 * part..<4 * part, 0..<4 * part]),
        (3 * part + 1, [3 * part..<3 * part + 1, 0..<3 * part]),
    ]

    @Test(
        "the owners' slices of each range are whole partial sums that lie in it or begin in it", arguments: blocks,
        1...5)
    func slices(block: (count: Int, ranges: [Range<Int>]), owners: Int) {
        let slices = GradientSlices(count: block.count, ranges: block.ranges, owners: owners)
        var all: [Int] = []
        for (number, range) in block.ranges.enumerated() {
            for owner in 0..<owners {
                let slice = slices.slice(number, of: owner)
                let parts = slices.partialSums(number, of: owner)
                #expect(parts.flatMap { Array(slices.floats($0)) } == Array(slice))
                #expect(slice.isEmpty || slice.lowerBound % Self.part == 0)
                // What is summed when the range is finished is finished: nothing lies below the range.
                #expect(slice.isEmpty || slice.lowerBound >= range.lowerBound)
                all += Array(slice)
            }
        }
        #expect(all.sorted() == Array(0..<block.count))
    }

    @Test("work on a range is even to a partial sum", arguments: blocks, 1...5)
    func even(block: (count: Int, ranges: [Range<Int>]), owners: Int) {
        let slices = GradientSlices(count: block.count, ranges: block.ranges, owners: owners)
        for number in block.ranges.indices {
            let counts = (0..<owners).map { slices.partialSums(number, of: $0).count }
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
        }
    }

    @Test("an owner's slices together are what it owns; a rank beyond the owners has none", arguments: blocks)
    func owned(block: (count: Int, ranges: [Range<Int>])) {
        let slices = GradientSlices(count: block.count, ranges: block.ranges, owners: 2)
        for owner in 0..<2 {
            let each = block.ranges.indices.flatMap { Array(slices.slice($0, of: owner)) }.sorted()
            #expect(slices.slices(of: owner).flatMap { Array($0) }.sorted() == each)
        }
        #expect(slices.slices(of: 2).isEmpty)
        #expect(block.ranges.indices.allSatisfy { slices.slice($0, of: 2).isEmpty })
        let alone = GradientSlices(count: block.count, ranges: block.ranges, owners: 1)
        #expect(alone.slices(of: 0) == [0..<block.count])
    }
}
