import Recurrent
import Tensors
import Testing

@Suite("Layer normalisation")
struct LayerNormTests {
    private static func cases(hidden: Int, window: Int, isBidirectional: Bool = false) -> [NetworkCase] {
        CellTable.all.flatMap { cell in
            [TaskShape.Input.features(3), .tokens(vocabulary: 5)].map { input in
                NetworkCase(
                    cell: cell.name, seed: UInt64(hidden), layers: 2, hidden: hidden, embedding: 4, window: window,
                    sequences: 5, task: TaskShape(input: input, output: .classes(4)), scoring: .lengths, dropout: 0,
                    isBidirectional: isBidirectional, isNormalised: true, bound: 0.7)
            }
        }
    }
    /// Less than a tile of units; one tile or more, with and without a remainder. (Normalising the three values of one
    /// unit amplifies rounding.)
    private static let all =
        [3, 8, 16, 17, 35].flatMap { cases(hidden: $0, window: 4) }
        + cases(hidden: 5, window: 3, isBidirectional: true)

    @Test("each layer has a gain for each product, which begins at 1")
    func layout() throws {
        let configuration = try #require(Self.all.first).configuration
        let block = FloatBlock(count: configuration.layout.count)
        InitialWeights(scale: 0.1).fill(block, configuration.modelLayout, seed: 1)
        for name in ["rnn.norm_ih_l0", "rnn.norm_hh_l0", "rnn.norm_ih_l1", "rnn.norm_hh_l1"] {
            let tensor = try #require(configuration.layout[name])
            #expect(tensor.shape == [configuration.cell.gates * configuration.hiddenSize])
            #expect(block.numbers(tensor.range).allSatisfy { $0 == 1 })
        }
    }

    @Test(
        "the Double reference's gradient equals its central differences to 1e-6", arguments: cases(hidden: 3, window: 3)
    )
    func tape(_ example: NetworkCase) throws { try expectCentralDifferences(example) }

    @Test("loss, gradients and state equal the Double reference's to 1e-4", arguments: all)
    func reference(_ example: NetworkCase) throws { try expectReference(example) }

    @Test("any division of the sequences gives the same bits", arguments: cases(hidden: 35, window: 4))
    func divisions(_ example: NetworkCase) {
        expectSameBits(example, cutAt: [[1], [2], [3, 4]])
    }
}
