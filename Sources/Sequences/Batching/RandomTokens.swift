import Tensors

/// A language model's streams of random tokens, drawn uniformly, or with a skew that gives a window about the number of
/// distinct tokens of natural text in words: the same work as text, without text.
struct RandomTokens: SequenceSource {
    let vocabulary: Int
    let streams: Int
    let window: Int
    /// 1: uniform; larger: the first tokens are more frequent. With 6, 700 tokens of 10,000 are about 280 distinct ones
    /// (317 in Penn Treebank).
    var skew = 1
    let carriesState = true
    let stepsPerEpoch = 1_000_000

    var longestWindow: Int { window }
    func rows(inStep step: Int) -> Int { streams }

    mutating func read(_ rows: Range<Int>, step: Int, epoch: Int, into batch: inout Batch) {
        batch.reshape(
            window: window, sequences: rows.count,
            for: TaskShape(input: .tokens(vocabulary: vocabulary), output: .classes(vocabulary)))
        batch.firstStream = rows.lowerBound
        batch.position = step * window
        var random = CounterRandom(seed: 1, purpose: .benchmark, epoch: step, index: rows.lowerBound)
        for row in batch.tokens.indices {
            var token = random.below(vocabulary)
            for _ in 1..<skew { token = token * random.below(vocabulary) / vocabulary }
            batch.tokens[row] = Int32(token)
            batch.targets[row] = Int32(random.below(vocabulary))
        }
    }
}
