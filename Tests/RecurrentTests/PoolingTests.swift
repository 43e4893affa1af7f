import Recurrent
import Tensors
import Testing

/// Sequences of different lengths with one output each.
@Suite("Pooling over time")
struct PoolingTests {
    private static func cases(
        hidden: Int, window: Int, sequences: Int, classes: Int, dropout: Float, bound: Float
    ) -> [NetworkCase] {
        Pooling.allCases.flatMap { pooling in
            [false, true].flatMap { isBidirectional in
                [TaskShape.Input.features(2), .tokens(vocabulary: 5)].map { input in
                    NetworkCase(
                        cell: "lstm", seed: 11, layers: 2, hidden: hidden, embedding: 3, window: window,
                        sequences: sequences,
                        task: TaskShape(input: input, output: .classes(classes), scores: .sequences),
                        scoring: .lengths, dropout: dropout, isBidirectional: isBidirectional, pooling: pooling,
                        bound: bound)
                }
            }
        }
    }
    /// Small enough for central differences.
    private static let small = cases(hidden: 3, window: 4, sequences: 3, classes: 3, dropout: 0.3, bound: 0.7)
    /// Several tiles of units and of classes; and one step of time.
    private static let larger =
        cases(hidden: 35, window: 6, sequences: 7, classes: 23, dropout: 0, bound: 0.15)
        + cases(hidden: 17, window: 1, sequences: 5, classes: 4, dropout: 0, bound: 0.3)

    @Test("the Double reference's gradient equals its central differences to 1e-6", arguments: small)
    func tape(_ example: NetworkCase) throws { try expectCentralDifferences(example) }

    @Test("loss, gradients and state equal the Double reference's to 1e-4", arguments: small + larger)
    func reference(_ example: NetworkCase) throws { try expectReference(example) }

    @Test("any division of the sequences gives the same bits", arguments: larger)
    func divisions(_ example: NetworkCase) {
        let count = example.batch.sequences
        expectSameBits(example, cutAt: [[1], [count / 2], Array(1..<count)])
    }

    @Test("padding changes nothing: a sequence alone has the same loss as one among longer ones", arguments: larger)
    func padding(_ example: NetworkCase) {
        let whole = FloatRun(example)
        _ = whole.forward(example.batch)
        let losses = whole.workspace.sequenceLosses
        for b in 0..<example.batch.sequences {
            let length = Int(example.batch.lengths[b])
            let tally = FloatRun(example).forward(
                example.batch.part(sequences: b..<b + 1, steps: 0..<length, example.task))
            #expect(tally.loss.bitPattern == losses[b].bitPattern, "sequence \(b) of \(length)")
        }
    }
}
