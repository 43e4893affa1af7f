import Tensors
import Testing

@Suite("Float block")
struct FloatBlockTests {
    @Test("a block begins on a cache line and holds zeros", arguments: [0, 1, 15, 16, 17, 1000, 100_003])
    func alignedAndZero(count: Int) {
        // Freed memory is reused with its contents, so the second block shows whether zeros are written.
        do {
            let dirty = FloatBlock(count: count)
            dirty.buffer.update(repeating: 7)
        }
        let block = FloatBlock(count: count)
        #expect(Int(bitPattern: block.pointer) % FloatBlock.alignment == 0)
        #expect(block.count == count && block.buffer.count == count)
        #expect(block.buffer.allSatisfy { $0.bitPattern == 0 })
    }

    @Test("clearing makes every float zero again")
    func clearing() {
        let block = FloatBlock(count: 37)
        block.buffer.update(repeating: .nan)
        block.clear()
        #expect(block.buffer.allSatisfy { $0.bitPattern == 0 })
    }

    @Test("a range is a view of the block, not a copy")
    func views() {
        let block = FloatBlock(count: 10)
        block[3..<5].update(repeating: 2)
        #expect(Array(block.buffer) == [0, 0, 0, 2, 2, 0, 0, 0, 0, 0])
        #expect(block[10..<10].isEmpty)
    }

    @Test("a block on borrowed memory is a view of it, keeps its owner and does not free it")
    func borrowing() {
        var owner: FloatBlock? = FloatBlock(count: 64)
        weak let watched = owner
        guard let memory = owner?.pointer else { return }
        memory[17] = 4
        var block: FloatBlock? = owner.map { FloatBlock(borrowing: $0.pointer + 16, count: 20, owner: $0) }
        block?.pointer[19] = 5
        #expect(block?.count == 20 && block?.pointer[1] == 4)
        owner = nil
        #expect(watched != nil)
        #expect(memory[35] == 5)
        block?.clear()
        #expect(watched?.buffer.allSatisfy { $0 == 0 } == true)
        block = nil
        #expect(watched == nil)
    }

    @Test("a copy has the contents and is independent")
    func copying() {
        let block = FloatBlock(count: 3)
        let other = FloatBlock(count: 3)
        block[0..<3].update(repeating: 5)
        other.copy(from: block)
        block.clear()
        #expect(Array(other.buffer) == [5, 5, 5])
    }

    @Test("the floats of blocks are counted without allocating them")
    func counted() {
        let count = FloatBlock.floats { make in
            #expect(make(1 << 60).count == 0)
            _ = make(5)
        }
        #expect(count == (1 << 60) + 5)
    }

    @Test("the revision counts the announced changes")
    func revisions() {
        let block = FloatBlock(count: 1)
        #expect(block.revision == 0)
        block.markChanged()
        block.markChanged()
        #expect(block.revision == 2)
    }
}
