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

    @Test("scaling, adding and multiplying work element by element", arguments: counts)
    func elements(count: Int) {
        var random = SeededRandom(UInt64(count) + 1000)
        let (x, y) = (random.floats(count), random.floats(count))
        func result(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
            var memory = x + [55]
            withMemory(of: &memory) { body(UnsafeMutableBufferPointer(start: $0, count: count)) }
            #expect(memory[count] == 55, "something was written beyond the block")
            return Array(memory[..<count])
        }
        #expect(result { $0.scale(by: 1.7) } == x.map { $0 * 1.7 })
        #expect(result { $0.add(y) } == zip(x, y).map { $0 + $1 })
        #expect(result { $0.multiply(by: y) } == zip(x, y).map { $0 * $1 })
    }
}
