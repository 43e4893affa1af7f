import Kernels
import TestSupport
import Testing

@Suite("Vectors over rows of any length")
struct VectorTests {
    @Test("every element is visited once and none beyond the end", arguments: 0...40)
    func everyElement(count: Int) {
        let guarded = 2 * Vector.lanes
        var memory = [Float](repeating: 100, count: count + guarded)
        withMemory(of: &memory) { start in
            forEachVector(of: count) { at, span in span.store(span.load(start + at) + 1, start + at) }
        }
        #expect(Array(memory[..<count]) == [Float](repeating: 101, count: count))
        #expect(Array(memory[count...]) == [Float](repeating: 100, count: guarded))
    }

    @Test("whole vectors come first, then the remaining elements, padded with zeros", arguments: 0...40)
    func spans(count: Int) {
        var memory = [Float](repeating: 3, count: count + Vector.lanes)
        var offsets: [Int] = []
        var remainders: [Int?] = []
        var sum: Float = 0
        withMemory(of: &memory) { start in
            forEachVector(of: count) { at, span in
                offsets.append(at)
                remainders.append(span.rest)
                sum += span.load(start + at).sum()
            }
        }
        let whole = count / Vector.lanes
        let remainder = count % Vector.lanes
        #expect(offsets == (0..<whole + (remainder > 0 ? 1 : 0)).map { $0 * Vector.lanes })
        #expect(remainders == [Int?](repeating: nil, count: whole) + (remainder > 0 ? [remainder] : []))
        #expect(sum == Float(3 * count))
    }

    @Test("vectors are read and written at addresses of any alignment")
    func unaligned() {
        var memory = (0..<Vector.lanes + 8).map { Float($0) }
        withMemory(of: &memory) { start in
            for shift in 0..<8 {
                let vector = Vector(at: start + shift)
                #expect(vector[0] == Float(shift) && vector[Vector.lanes - 1] == Float(shift + Vector.lanes - 1))
                vector.store(to: start + shift)
            }
        }
        #expect(memory == (0..<Vector.lanes + 8).map { Float($0) })
    }

    @Test("a multiply-add is within one or two roundings of the exact value")
    func multiplyAdd() {
        var random = SeededRandom(1)
        for _ in 0..<1000 {
            let numbers = random.floats(3)
            let (s, a, b) = (numbers[0], numbers[1], numbers[2])
            let result = Vector(repeating: s).plus(Vector(repeating: a), times: Vector(repeating: b))
            let exact = Double(s) + Double(a) * Double(b)
            #expect(abs(Double(result[0]) - exact) <= 0x1p-23 * Double(abs(a * b) + abs(s)))
        }
    }

    @Test("lanewise maximum, minimum and selection, and their NaN handling")
    func choices() {
        func lane(_ x: Float) -> Vector { Vector(repeating: x) }
        #expect(lane(1).larger(lane(2))[0] == 2 && lane(3).larger(lane(2))[0] == 3)
        #expect(lane(1).smaller(lane(2))[0] == 1 && lane(3).smaller(lane(2))[0] == 2)
        #expect(lane(.nan).larger(lane(2))[0] == 2 && lane(2).larger(lane(.nan))[0].isNaN)
        #expect(lane(.nan).smaller(lane(2))[0] == 2 && lane(2).smaller(lane(.nan))[0].isNaN)
        #expect(lane(1).ifLess(than: lane(2), lane(7), else: lane(8))[0] == 7)
        #expect(lane(2).ifLess(than: lane(2), lane(7), else: lane(8))[0] == 8)
    }
}
