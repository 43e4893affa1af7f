import Kernels
import TestSupport
import Testing

@Suite("Sums and products over blocks")
struct ReductionTests {
    private static let counts = [0, 1, 7, 8, 15, 16, 17, 40, 4095, 4096, 4097, 20_011]

    @Test("the sum of squares is that of a plain loop in Double to 1e-6, for any length", arguments: counts)
    func squares(count: Int) {
        var random = SeededRandom(UInt64(count))
        var numbers = random.floats(count, in: -3...3)
        let exact = numbers.reduce(0) { $0 + Double($1) * Double($1) }
        let sum = numbers.withUnsafeMutableBufferPointer { $0.sumOfSquares }
        #expect(abs(sum - exact) <= 1e-6 * exact)
    }

    @Test("the sum of squares of a long block of equal values is exact to 1e-5")
    func longBlock() {
        var numbers = [Float](repeating: 0.1, count: 1 << 22)
        let exact = Double(1 << 22) * Double(0.1 as Float) * Double(0.1 as Float)
        let sum = numbers.withUnsafeMutableBufferPointer { $0.sumOfSquares }
        #expect(abs(sum - exact) <= 1e-5 * exact)
    }

    @Test("a NaN or an overflow propagates to the sum of squares")
    func notFinite() {
        var numbers = [Float](repeating: 1, count: 5000)
        numbers[4999] = .nan
        #expect(numbers.withUnsafeMutableBufferPointer { $0.sumOfSquares }.isNaN)
        numbers[4999] = 3e38
        #expect(numbers.withUnsafeMutableBufferPointer { $0.sumOfSquares } == .infinity)
    }

    @Test("blocks are summed along the tree, and the squares are those of the whole bit for bit", arguments: counts)
    func sums(count: Int) {
        var random = SeededRandom(UInt64(count) + 2000)
        func leaves(_ terms: Int) -> [Int] { [Int](repeating: 1, count: terms) }
        let trees: [PlainTree] =
            (1...4).map { .leftToRight(leaves($0)) } + [3, 4, 8].map { .balanced(leaves($0)) }
            + [5, 40].map { .rightToLeft(leaves($0)) }
        for tree in trees { check(tree, first: 5, count: count, &random) }
    }

    /// Sums the blocks of a tree in place of one of its terms.
    private func check(_ tree: PlainTree, first: Int, count: Int, _ random: inout SeededRandom) {
        let blocks = (0..<tree.steps).map { _ in random.floats(first + count) + [55] }
        var expected = (0..<count).map { index in tree.sum { blocks[$0.lowerBound][first + index] } }
        let squares = expected.withUnsafeMutableBufferPointer { $0.sumOfSquares }
        let overwritten = tree.steps / 2
        let pointers = blocks.map { block in
            let memory = UnsafeMutablePointer<Float>.allocate(capacity: block.count)
            memory.initialize(from: block, count: block.count)
            return memory
        }
        defer { for pointer in pointers { pointer.deallocate() } }
        let terms = zip(pointers, tree.leaves).map { SumTerm($0, merges: $1.merges) }
        let found = terms.withUnsafeBufferPointer {
            UnsafeMutableBufferPointer(start: pointers[overwritten] + first, count: count).setSum(of: $0, from: first)
        }
        for (index, block) in blocks.enumerated() {
            let after = index == overwritten ? block[..<first] + expected + [55] : block[...]
            let off = difference((0..<block.count).map { pointers[index][$0] }, Array(after))
            #expect(off == nil, "block \(index) of \(blocks.count)")
        }
        #expect(found.bitPattern == squares.bitPattern)
    }

    @Test("terms in order are added from left to right")
    func inOrder() {
        var random = SeededRandom(12)
        let numbers = random.floats(5)
        var sum: [Float] = [.nan]
        numbers.withUnsafeBufferPointer { numbers in
            guard let start = numbers.baseAddress else { return }
            SumTerm.inOrder(numbers.indices.map { start + $0 }).withUnsafeBufferPointer { terms in
                sum.withUnsafeMutableBufferPointer { _ = $0.setSum(of: terms, from: 0) }
            }
        }
        #expect(sum == [numbers[1...].reduce(numbers[0], +)])
    }

    @Test("a zero sum of two or more terms is +0; a single term is not changed", arguments: 1...5)
    func zeros(terms count: Int) {
        let numbers = [Float](repeating: -0.0, count: Vector.lanes + 3)
        var sum = [Float](repeating: .nan, count: numbers.count)
        withMemory(of: &sum) { to in
            numbers.withUnsafeBufferPointer { numbers in
                guard let start = numbers.baseAddress else { return }
                SumTerm.inOrder([UnsafePointer<Float>](repeating: start, count: count)).withUnsafeBufferPointer {
                    _ = UnsafeMutableBufferPointer(start: to, count: numbers.count).setSum(of: $0, from: 0)
                }
            }
        }
        #expect(sum.allSatisfy { $0 == 0 && ($0.sign == .minus) == (count == 1) })
    }

    @Test("sums of squares over partial sums, added in order, equal the sum over the whole bit for bit")
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

    @Test("dot products of selected rows with a row are plain sums, one per lane, and 0 in the other lanes")
    func rowProducts() {
        var random = SeededRandom(11)
        for columns in [Vector.lanes, 3 * Vector.lanes] {
            let pitch = columns + 5
            for count in [0, 1, Vector.lanes / 2 + 1, Vector.lanes] {
                let numbers = randomRows(count, of: 2 * Vector.lanes, &random)
                let matrix = rowsAmongNaN(numbers, of: 2 * Vector.lanes, width: columns, pitch: pitch, &random)
                let factor = random.floats(columns)
                let found = products(matrix, pitch: pitch, rows: numbers, count: count, factor, columns: columns)
                for lane in 0..<Vector.lanes {
                    let exact = (0..<columns).reduce(0.0) {
                        $0 + (lane < count ? Double(matrix[Int(numbers[lane]) * pitch + $1]) * Double(factor[$1]) : 0)
                    }
                    #expect(abs(Double(found[lane]) - exact) < 1e-5, "lane \(lane) of \(count)")
                }
            }
        }
    }

    @Test("columns are scaled by their factors, and nothing else is changed")
    func scaling() {
        var random = SeededRandom(4)
        let (rows, columns) = (5, 2 * Vector.lanes)
        let matrix = random.floats((rows + 1) * columns)
        let factors = random.floats(columns)
        var scaled = matrix
        withMemory(of: &scaled) { scaleColumns($0, rows: rows, columns: columns, by: factors) }
        for (index, element) in matrix.enumerated() {
            #expect(scaled[index] == (index < rows * columns ? element * factors[index % columns] : element))
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
