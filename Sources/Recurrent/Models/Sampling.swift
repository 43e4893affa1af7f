import Glibc
import Tensors

/// Draws the next token from the network's probabilities.
package struct Sampling {
    /// 0: the most likely token; 1: the probabilities unchanged.
    package let temperature: Float
    /// Only the k most likely tokens; nil: all.
    package let topK: Int?
    private var random: CounterRandom

    package init(temperature: Float, topK: Int?, seed: UInt64) {
        self.temperature = temperature
        self.topK = topK
        random = CounterRandom(seed: seed, purpose: .sampling)
    }

    /// The token drawn; of equally likely ones the lowest first. Probabilities p are reweighted to p^(1/temperature).
    package mutating func draw(from probabilities: UnsafeBufferPointer<Float>) -> Int {
        precondition(!probabilities.isEmpty, "nothing to draw from")
        let order = probabilities.indices.sorted {
            (probabilities[$1], $0) < (probabilities[$0], $1)
        }
        guard temperature > 0 else { return order[0] }
        let candidates = order.prefix(topK ?? order.count)
        let highest = Double(probabilities[order[0]])
        let weights = candidates.map { pow(Double(probabilities[$0]) / highest, 1 / Double(temperature)) }
        var left = Double(random.uniform()) * weights.reduce(0, +)
        for (candidate, weight) in zip(candidates, weights) {
            left -= weight
            if left < 0 { return candidate }
        }
        return order[0]
    }
}
