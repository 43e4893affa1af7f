// The check of bench allreduce must accept every correct sum and no wrong one.

import Benchmarks
import Testing

@Suite("The check of sums over ranks")
struct AllreduceCheckTests {
    private let count = 4099

    /// The values that each rank contributes.
    private func contributions(_ ranks: Int) -> [[Float]] {
        (0..<ranks).map { rank in
            var values = [Float](repeating: 0, count: count)
            values.withUnsafeMutableBufferPointer { AllreduceCheck(ranks: ranks).fill($0, rank: rank) }
            return values
        }
    }

    /// Their sum in single precision, in the given order of the ranks.
    private func sum(_ values: [[Float]], order: [Int]) -> [Float] {
        (0..<count).map { index in order.dropFirst().reduce(values[order[0]][index]) { $0 + values[$1][index] } }
    }

    private func wrong(_ values: [Float], ranks: Int) -> Int {
        var values = values
        return values.withUnsafeMutableBufferPointer { AllreduceCheck(ranks: ranks).wrong(in: $0) }
    }

    @Test("sums in any order are accepted", arguments: [1, 2, 3, 7, 64])
    func rightSums(ranks: Int) {
        let values = contributions(ranks)
        let order = Array(0..<ranks)
        #expect(wrong(sum(values, order: order), ranks: ranks) == 0)
        #expect(wrong(sum(values, order: order.reversed()), ranks: ranks) == 0)
        #expect(
            wrong(sum(values, order: order.filter { $0 % 2 == 1 } + order.filter { $0 % 2 == 0 }), ranks: ranks) == 0)
    }

    @Test("a rank that is missing or counted twice makes every element wrong", arguments: [2, 3, 7, 64])
    func wrongRanks(ranks: Int) {
        let values = contributions(ranks)
        #expect(wrong(sum(values, order: Array(1..<ranks)), ranks: ranks) == count)
        #expect(wrong(sum(values, order: Array(0..<ranks) + [ranks - 1]), ranks: ranks) == count)
        // One rank's values are replaced by another's.
        #expect(wrong(sum(values, order: [1] + Array(1..<ranks)), ranks: ranks) == count)
    }

    @Test("an element that is off by two units in the last place is counted, and so is NaN", arguments: [1, 2])
    func wrongElements(ranks: Int) {
        var values = sum(contributions(ranks), order: Array(0..<ranks))
        values[17] += 2 * max(values[17].ulp, Float(ranks) * 0x1p-20)
        #expect(wrong(values, ranks: ranks) == 1)
        values[4000] = .nan
        #expect(wrong(values, ranks: ranks) == 2)
    }

    @Test("sums in half precision are detected")
    func lowPrecision() {
        let rounded = sum(contributions(2), order: [0, 1]).map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) }
        #expect(wrong(rounded, ranks: 2) > count * 9 / 10)
    }

    @Test("every mantissa uses its last bit, and magnitudes are from 1 to 16")
    func numbers() {
        for values in contributions(3) {
            #expect(values.allSatisfy { $0.bitPattern & 1 == 1 && 1...16 ~= abs($0) })
            #expect(Set(values).count > count - 5)  // two of the 2^25 values may coincide
        }
    }
}
