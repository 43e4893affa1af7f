import Kernels
import Testing

@Suite("Sums and products over blocks")
struct ReductionTests {
    private static let counts = [0, 1, 7, 8, 15, 16, 17, 40, 4095, 4096, 4097, 20_011]

    @Test("the sum of squares is a plain loop's in Double to 1e-6, whatever the length", arguments: counts)
    func squares(count: Int) {
        var random = SeededRandom(UInt64(count))
        var numbers = random.floats(count, in: -3...3)
        let exact = numbers.reduce(0) { $0 + Double($1) * Double($1) }
        let sum = numbers.withUnsafeMutableBufferPointer { $0.sumOfSquares }
        #expect(abs(sum - exact) <= 1e-6 * exact)
    }

    @Test("the sum of squares of a long block of equal numbers is as exact")
    func longBlock() {
        var numbers = [Float](repeating: 0.1, count: 1 << 22)
        let exact = Double(1 << 22) * Double(0.1 as Float) * Double(0.1 as Float)
        let sum = numbers.withUnsafeMutableBufferPointer { $0.sumOfSquares }
        #expect(abs(sum - exact) <= 1e-5 * exact)
    }

    @Test("a NaN or an overflow shows in the sum of squares")
    func notFinite() {
        var numbers = [Float](repeating: 1, count: 5000)
        numbers[4999] = .nan
        #expect(numbers.withUnsafeMutableBufferPointer { $0.sumOfSquares }.isNaN)
        numbers[4999] = 3e38
        #expect(numbers.withUnsafeMutableBufferPointer { $0.sumOfSquares } == .infinity)
    }

    @Test(
        "a sum of blocks is added in their order, and its squares are those of the whole bit for bit", arguments: counts
    )
    func sums(count: Int) {
        var random = SeededRandom(UInt64(count) + 2000)
        let first = 5
        for terms in 1...4 {
            var blocks = (0..<terms).map { _ in random.floats(first + count) }
            var expected = Array(blocks[0][first...])
            for block in blocks[1...] { for place in 0..<count { expected[place] += block[first + place] } }
            let squares = expected.withUnsafeMutableBufferPointer { $0.sumOfSquares }
            // The sum goes over one of its own terms.
            let own = terms / 2
            for index in blocks.indices { blocks[index].append(55) }
            let pointers = blocks.map { block in
                let memory = UnsafeMutablePointer<Float>.allocate(capacity: block.count)
                memory.initialize(from: block, count: block.count)
                return memory
            }
            defer { for pointer in pointers { pointer.deallocate() } }
            let found = pointers.map { UnsafePointer($0) }.withUnsafeBufferPointer {
                UnsafeMutableBufferPointer(start: pointers[own] + first, count: count).setSum(of: $0, from: first)
            }
            #expect((0..<count).map { pointers[own][first + $0] } == expected)
            #expect(found.bitPattern == squares.bitPattern)
            #expect(pointers[own][first + count] == 55, "something was written beyond the block")
            for index in blocks.indices where index != own {
                #expect((0...first + count).allSatisfy { pointers[index][$0] == blocks[index][$0] })
            }
        }
    }

    @Test("sums of squares over whole partial sums, added in order, are that over the whole bit for bit")
    func partialSums() {
        var random = SeededRandom(7)
        var numbers = random.floats(5 * PartialSum.length + 100)
        let whole = numbers.withUnsafeMutableBufferPointer { $0.sumOfSquares }
        var sum = 0.0
        for start in stride(from: 0, to: numbers.count, by: PartialSum.length) {
            var part = Array(numbers[start..<min(start + PartialSum.length, numbers.count)])
            sum += part.withUnsafeMutableBufferPointer { $0.sumOfSquares }
        }
        #expect(sum.bitPattern == whole.bitPattern)
    }

    @Test("products of rows with a row are plain sums, a lane each, and 0 in the other lanes")
    func rowProducts() {
        var random = SeededRandom(11)
        for columns in [Vector.lanes, 3 * Vector.lanes] {
            let pitch = columns + 5
            let rows = random.floats(Vector.lanes * pitch)
            let factor = random.floats(columns)
            for count in [1, Vector.lanes / 2 + 1, Vector.lanes] {
                let found = products(rows, pitch: pitch, count: count, factor, columns: columns)
                for lane in 0..<Vector.lanes {
                    let exact = (0..<columns).reduce(0.0) {
                        $0 + (lane < count ? Double(rows[lane * pitch + $1]) * Double(factor[$1]) : 0)
                    }
                    #expect(abs(Double(found[lane]) - exact) < 1e-5, "lane \(lane) of \(count)")
                }
            }
        }
    }

    @Test("adding and multiplying work element by element", arguments: counts)
    func elements(count: Int) {
        var random = SeededRandom(UInt64(count) + 1000)
        let (x, y) = (random.floats(count), random.floats(count))
        func result(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
            var memory = x + [55]
            withMemory(of: &memory) { body(UnsafeMutableBufferPointer(start: $0, count: count)) }
            #expect(memory[count] == 55, "something was written beyond the block")
            return Array(memory[..<count])
        }
        #expect(result { $0.add(y) } == zip(x, y).map { $0 + $1 })
        #expect(result { $0.multiply(by: y) } == zip(x, y).map { $0 * $1 })
    }
}
