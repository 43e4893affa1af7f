import Recurrent
import Tensors
import Testing

@Suite("Vectors of weights that a cell declares")
struct CellVectorTests {
    private static let cases = cellsWithVectors.flatMap { cell in
        (1...20).map { NetworkCase(cell: cell.name, seed: $0) }
    }
    /// Several tiles of units, and a last one that is not full.
    private static let larger = cellsWithVectors.map { cell in
        NetworkCase(
            cell: cell.name, seed: 101, layers: 2, hidden: 70, embedding: 20, window: 3, sequences: 7,
            task: TaskShape(input: .features(19), output: .classes(12)), scoring: .all, dropout: 0, bound: 0.15)
    }

    @Test("the layout has them after the layer's four tensors, under their names")
    func names() {
        let configuration = NetworkConfiguration(
            cell: PeepholeLSTMCell.self, layers: 2, hiddenSize: 5, embeddingSize: 3,
            task: TaskShape(input: .features(3), output: .values(2)))
        #expect(
            configuration.layout.tensors.map(\.name) == [
                "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0", "rnn.peephole_i_l0",
                "rnn.peephole_f_l0", "rnn.peephole_o_l0", "rnn.weight_ih_l1", "rnn.weight_hh_l1", "rnn.bias_ih_l1",
                "rnn.bias_hh_l1", "rnn.peephole_i_l1", "rnn.peephole_f_l1", "rnn.peephole_o_l1", "output.weight",
                "output.bias",
            ])
        #expect(configuration.layout["rnn.peephole_f_l1"]?.shape == [5])
    }

    @Test("gains are initialised to 1, other vectors within the scale, and biases by the forget gate's rule")
    func initialValues() throws {
        for cell in cellsWithVectors {
            let configuration = NetworkConfiguration(
                cell: cell, layers: 2, hiddenSize: 40, embeddingSize: 3,
                task: TaskShape(input: .features(3), output: .values(2)))
            let block = FloatBlock(count: configuration.layout.count)
            InitialWeights(scale: 0.1, forgetBias: .value(2)).fill(block, configuration.modelLayout, seed: 4)
            for vector in cell.vectors {
                let values = block.numbers(try #require(configuration.layout["rnn.\(vector.name)_l1"]).range)
                if vector.initial == .constant(1) {
                    #expect(values.allSatisfy { $0 == 1 })
                } else {
                    #expect(values.allSatisfy { abs($0) <= 0.1 } && Set(values).count > 38)
                }
            }
            let biases = block.numbers(try #require(configuration.layout["rnn.bias_ih_l1"]).range)
            #expect(biases.count { $0 == 2 } == (cell.forgetGate == nil ? 0 : 40))
        }
    }

    @Test("the Double reference's gradient equals its central differences to 1e-6", arguments: cases)
    func tape(_ example: NetworkCase) throws { try expectCentralDifferences(example) }

    @Test("loss, gradients and state equal the Double reference's to 1e-4", arguments: cases + larger)
    func reference(_ example: NetworkCase) throws { try expectReference(example) }

    @Test("any division of the sequences gives the same bits", arguments: larger)
    func divisions(_ example: NetworkCase) {
        expectSameBits(example, cutAt: [[1], [3], [2, 4], [1, 2, 3, 4, 5, 6]])
    }

    @Test("the floats between tensors get no gradient", arguments: cases)
    func padding(_ example: NetworkCase) { expectZeroPadding(example) }
}
