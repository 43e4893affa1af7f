import Reduction
import Tensors
import Testing

@Suite("Slices of a gradient block")
struct GradientSlicesTests {
    private static let length = 4096

    struct Block: Sendable {
        let chunks: TensorChunks
        let count: Int
        /// From the block's end to its start.
        let ranges: [Range<Int>]

        /// - Parameter borders: the tensors that begin a range.
        init(_ tensors: [Int], borders: [Int]) {
            let layout = TensorLayout(tensors.enumerated().map { ("\($0)", [$1]) })
            chunks = TensorChunks(layout, length: GradientSlicesTests.length)
            count = layout.count
            let starts = [0] + borders.map { layout.tensors[$0].offset }
            ranges = zip(starts, starts.dropFirst() + [layout.count]).map { $0..<$1 }.reversed()
        }
    }

    private static let blocks = [
        Block([16], borders: []),
        Block([39_984, 16, 50_000, 9_999], borders: [1, 2, 3]),
        Block([4 * length, 3 * length, length], borders: [1]),
        Block([3 * length, 1], borders: [1]),
    ]

    @Test("a tensor's chunks begin at its first float and have 4,096 but for the last; the padding is the last one's")
    func chunks() {
        let layout = TensorLayout([("a", [2, 4096]), ("b", [3]), ("c", [4097])])
        let chunks = TensorChunks(layout, length: Self.length)
        #expect(chunks.ofTensors == [0..<2, 2..<3, 3..<5])
        #expect(
            (0..<chunks.count).map { chunks.floats($0) } == [
                0..<4096, 4096..<8192, 8192..<8208, 8208..<12_304, 12_304..<12_320,
            ])
        #expect(chunks.floats(1..<3) == 4096..<8208)
        #expect(chunks.chunks(of: 8192..<12_320) == 2..<5)
    }

    @Test("the owners' slices of each range are whole chunks, together all of its floats", arguments: blocks, 1...5)
    func slices(block: Block, owners: Int) {
        let slices = GradientSlices(block.chunks, ranges: block.ranges, owners: owners)
        for (number, range) in block.ranges.enumerated() {
            var all: [Int] = []
            for owner in 0..<owners {
                let slice = slices.slice(number, of: owner)
                #expect(slices.chunks(number, of: owner).flatMap { Array(block.chunks.floats($0)) } == Array(slice))
                all += Array(slice)
            }
            #expect(all == Array(range))
        }
    }

    @Test("owners' shares of a range differ by at most one chunk", arguments: blocks, 1...5)
    func even(block: Block, owners: Int) {
        let slices = GradientSlices(block.chunks, ranges: block.ranges, owners: owners)
        for number in block.ranges.indices {
            let counts = (0..<owners).map { slices.chunks(number, of: $0).count }
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
        }
    }

    @Test("an owner's slices together are all that it owns; a rank that is not an owner has none", arguments: blocks)
    func owned(block: Block) {
        let slices = GradientSlices(block.chunks, ranges: block.ranges, owners: 2)
        for owner in 0..<2 {
            let each = block.ranges.indices.flatMap { Array(slices.slice($0, of: owner)) }.sorted()
            #expect(slices.slices(of: owner).flatMap { Array($0) }.sorted() == each)
        }
        #expect(slices.slices(of: 2).isEmpty)
        #expect(block.ranges.indices.allSatisfy { slices.slice($0, of: 2).isEmpty })
        let alone = GradientSlices(block.chunks, ranges: block.ranges, owners: 1)
        #expect(alone.slices(of: 0) == [0..<block.count])
    }
}
