import Reduction
import Testing

@Suite("Shards")
struct ShardTests {
    @Test("blocks are contiguous, cover all rows once, and begin where the rounded-up quotient says")
    func cover() {
        for count in 0...40 {
            for parts in 1...9 {
                let blocks = (0..<parts).map { Shard.rows(count, part: $0, of: parts) }
                #expect(blocks.flatMap { Array($0) } == Array(0..<count), "\(count) rows in \(parts) parts")
                for (part, block) in blocks.enumerated() {
                    let exact = Double(part) * Double(count) / Double(parts)
                    #expect(block.lowerBound == Int(exact.rounded(.up)), "\(count) rows, part \(part) of \(parts)")
                }
            }
        }
    }

    @Test("12 sequences on 5 ranks: 3, 2, 3, 2, 2")
    func example() {
        #expect((0..<5).map { Shard.rows(12, part: $0, of: 5).count } == [3, 2, 3, 2, 2])
    }

    @Test("more ranks than sequences leave some without work")
    func fewRows() {
        #expect((0..<5).map { Shard.rows(3, part: $0, of: 5) } == [0..<1, 1..<2, 2..<2, 2..<3, 3..<3])
    }

    @Test("parts of floats cover a range once, and each begins on a cache line of it")
    func floats() {
        for range in [0..<0, 16..<17, 48..<1000, 4096..<4096 + 160] {
            for parts in 1...9 {
                let blocks = (0..<parts).map { Shard.floats(range, part: $0, of: parts) }
                #expect(blocks.flatMap { Array($0) } == Array(range), "\(range) in \(parts) parts")
                for block in blocks where !block.isEmpty {
                    #expect(block.lowerBound.isMultiple(of: 16))
                }
                let sizes = blocks.map { ($0.count + 15) / 16 }
                #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
            }
        }
    }

    @Test("a part of a shard keeps its place in the whole")
    func partOfARange() {
        #expect((0..<3).map { Shard.rows(10..<17, part: $0, of: 3) } == [10..<13, 13..<15, 15..<17])
    }
}
