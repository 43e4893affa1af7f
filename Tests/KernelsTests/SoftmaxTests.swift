import Foundation
import Kernels
import Testing

@Suite("Softmax")
struct SoftmaxTests {
    /// Probabilities and the logarithm of the sum, in Double.
    private func plain(_ logits: [Float]) -> (probabilities: [Double], logSum: Double) {
        let top = Double(logits.max() ?? 0)
        let sum = logits.reduce(0) { $0 + exp(Double($1) - top) }
        return (logits.map { exp(Double($0) - top) / sum }, top + log(sum))
    }

    @Test(
        "the probabilities and the logarithm of the sum are those of a plain loop in Double",
        arguments: Array(1...40) + [65, 1000, 10_007])
    func rows(count: Int) {
        var random = SeededRandom(UInt64(count))
        for spread: Float in [0.01, 1, 20] {
            let logits = random.floats(count, in: -spread...spread)
            let expected = plain(logits)
            var memory = logits + [42, 43]
            let logSum = withMemory(of: &memory) { softmax($0, count: count) }
            // e^x is good to 2 ulp (2.4e-7), a Float sum of 16 lanes over 10,000 to some 1e-5.
            #expect(abs(Double(logSum) - expected.logSum) < 4e-6 * (1 + abs(expected.logSum)), "spread \(spread)")
            for (p, e) in zip(memory, expected.probabilities) {
                #expect(abs(Double(p) - e) < 2e-5 * e + 1e-37, "spread \(spread)")
            }
            let total = memory[..<count].reduce(0) { $0 + Double($1) }
            #expect(abs(total - 1) < 2e-5, "spread \(spread)")
            #expect(memory[count...] == [42, 43], "something was written beyond the row")
        }
    }

    @Test("large logits neither overflow nor vanish")
    func large() {
        var memory: [Float] = [1e6, 1e6 - 1, -1e6, 1e30 * 0, -3e38]
        let logSum = withMemory(of: &memory) { softmax($0, count: 5) }
        #expect(logSum == 1e6 || logSum.nextDown == 1e6 || abs(logSum - 1_000_000.31) < 0.07)
        #expect(abs(memory[0] - 0.731_058_6) < 1e-6 && abs(memory[1] - 0.268_941_4) < 1e-6)
        #expect(memory[2...].allSatisfy { $0 >= 0 && $0 < 1e-37 })
    }

    @Test("equal logits give equal probabilities, and one logit gives 1")
    func equal() {
        for count in [1, 3, 4, 64] {
            var memory = [Float](repeating: -7, count: count)
            let logSum = withMemory(of: &memory) { softmax($0, count: count) }
            #expect(memory.allSatisfy { abs($0 * Float(count) - 1) < 1e-6 })
            #expect(abs(logSum - (-7 + logf(Float(count)))) < 2e-6)
        }
    }

    @Test("a NaN anywhere makes the result and every probability NaN", arguments: [1, 5, 16, 33])
    func nan(count: Int) {
        for place in 0..<count {
            var memory = (0..<count).map { Float($0) }
            memory[place] = .nan
            #expect(withMemory(of: &memory) { softmax($0, count: count) }.isNaN)
            #expect(memory.allSatisfy { $0.isNaN })
        }
    }

    @Test("an infinite logit makes the result NaN, so that training notices it")
    func infinite() {
        var memory: [Float] = [1, .infinity, 2]
        #expect(withMemory(of: &memory) { softmax($0, count: 3) }.isNaN)
    }
}
