import Foundation
import Recurrent
import Testing

@Suite("Sampling")
struct SamplingTests {
    private let probabilities: [Float] = [0.1, 0.4, 0.05, 0.3, 0.15]

    /// How often each token is drawn.
    private func counts(_ draws: Int = 20_000, temperature: Float, topK: Int? = nil, seed: UInt64 = 1) -> [Int] {
        var sampling = Sampling(temperature: temperature, topK: topK, seed: seed)
        var counts = [Int](repeating: 0, count: probabilities.count)
        probabilities.withUnsafeBufferPointer { buffer in
            for _ in 0..<draws { counts[sampling.draw(from: buffer)] += 1 }
        }
        return counts
    }

    /// Whether the counts are within 4 standard deviations of the expected ones; the seed is fixed, so the test is
    /// deterministic.
    private func fits(_ counts: [Int], _ weights: [Double]) -> Bool {
        let draws = Double(counts.reduce(0, +))
        let total = weights.reduce(0, +)
        return zip(counts, weights).allSatisfy { count, weight in
            let p = weight / total
            return abs(Double(count) - draws * p) <= 4 * (draws * p * (1 - p)).squareRoot()
        }
    }

    @Test("temperature 0 takes the most likely token, the lowest of equally likely ones")
    func mostLikely() {
        #expect(counts(100, temperature: 0) == [0, 100, 0, 0, 0])
        var sampling = Sampling(temperature: 0, topK: nil, seed: 1)
        #expect([0.2, 0.4, 0.4].withUnsafeBufferPointer { sampling.draw(from: $0) } == 1)
    }

    @Test("temperature 1 draws by the probabilities")
    func asTheyAre() {
        #expect(fits(counts(temperature: 1), probabilities.map { Double($0) }))
    }

    @Test(
        "another temperature draws by the probabilities to the power of its inverse", arguments: [0.5, 2, 4] as [Float])
    func tempered(temperature: Float) {
        #expect(fits(counts(temperature: temperature), probabilities.map { pow(Double($0), 1 / Double(temperature)) }))
    }

    @Test("a temperature near 0 draws the most likely token without overflow")
    func cold() {
        #expect(counts(1000, temperature: 1e-30) == [0, 1000, 0, 0, 0])
    }

    @Test("top-k draws among the k most likely tokens by their probabilities")
    func topK() {
        #expect(fits(counts(temperature: 1, topK: 2), [0, 0.4, 0, 0.3, 0]))
        #expect(fits(counts(temperature: 1, topK: 4), [0.1, 0.4, 0, 0.3, 0.15]))
        #expect(counts(100, temperature: 1, topK: 1) == [0, 100, 0, 0, 0])
        #expect(counts(temperature: 1, topK: 99) == counts(temperature: 1))
    }

    @Test("the same seed draws the same tokens, another seed different ones")
    func seeds() {
        func drawn(_ seed: UInt64) -> [Int] {
            var sampling = Sampling(temperature: 1, topK: nil, seed: seed)
            return probabilities.withUnsafeBufferPointer { buffer in (0..<50).map { _ in sampling.draw(from: buffer) } }
        }
        #expect(drawn(7) == drawn(7))
        #expect(drawn(7) != drawn(8))
    }

    @Test("a token of probability 0 is never drawn")
    func impossible() {
        var sampling = Sampling(temperature: 1, topK: nil, seed: 3)
        let certain: [Float] = [0, 0, 1, 0]
        let drawn = certain.withUnsafeBufferPointer { buffer in (0..<1000).map { _ in sampling.draw(from: buffer) } }
        #expect(Set(drawn) == [2])
    }
}
