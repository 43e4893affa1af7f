import Recurrent
import Tensors
import Testing

/// Central differences verify the tape of a plain Double network, and the tape verifies the Float network, both for
/// every cell of the table with twenty shapes.
@Suite("Gradients")
struct GradientTests {
    @Test("every cell of the table has a plain reference, and every reference a cell")
    func references() {
        #expect(Set(plainCells.keys) == Set((CellTable.all + [TestGainCell.self]).map { $0.name }))
    }

    @Test("the shapes include the corner cases")
    func shapes() {
        let cases = NetworkCase.all
        #expect(cases.count == 20 * CellTable.all.count)
        #expect(cases.contains { $0.batch.window == 1 } && cases.contains { $0.batch.sequences == 1 })
        #expect(cases.contains { $0.hiddenSize == 1 } && cases.contains { $0.hiddenSize % 8 != 0 && $0.hiddenSize > 8 })
        #expect(cases.contains { $0.hiddenSize > 16 } && Set(cases.map(\.layers)) == [1, 2, 3])
        #expect(Set(cases.map(\.scoring)) == Set(NetworkCase.Scoring.allCases))
        #expect(cases.contains { $0.dropout > 0 } && cases.contains { $0.dropout == 0 })
        #expect(cases.contains { $0.state.numbers.allSatisfy { $0 == 0 } })
        #expect(cases.contains { $0.state.numbers.contains { $0 != 0 } })
        var inputs: Set<String> = []
        for example in cases {
            switch (example.task.input, example.task.output) {
            case (.tokens, .classes): inputs.insert("tokens, classes")
            case (.tokens, .values): inputs.insert("tokens, values")
            case (.features, .classes): inputs.insert("features, classes")
            case (.features, .values): inputs.insert("features, values")
            }
        }
        #expect(inputs.count == 4)
    }

    @Test("the Double reference's gradient equals its central differences to 1e-6", arguments: NetworkCase.all)
    func tape(_ example: NetworkCase) throws { try expectCentralDifferences(example) }

    @Test("loss, gradients and state equal the Double reference's to 1e-4", arguments: NetworkCase.all)
    func network(_ example: NetworkCase) throws { try expectReference(example) }

    @Test("gradients added up over two parts of a batch equal the whole batch's", arguments: NetworkCase.all)
    func accumulation(_ example: NetworkCase) throws {
        guard example.batch.sequences > 1 else { return }
        let plain = example.plainRun(try #require(plainCells[example.cellName]))
        let run = FloatRun(example)
        let cut = example.batch.sequences / 2
        var tally = run.step(example.batch.part(sequences: 0..<cut, example.task))
        tally += run.step(example.batch.part(sequences: cut..<example.batch.sequences, example.task), adding: true)
        #expect(abs(tally.loss - plain.loss) < 1e-5 * plain.loss)
        #expect(tally.scored == example.batch.scored)
        for tensor in example.configuration.layout.tensors {
            let distance = relativeDistance(run.gradient(tensor.name), try #require(plain.gradients[tensor.name]))
            #expect(distance < 1e-4, "\(tensor.name)")
        }
    }

    @Test("the floats between tensors get no gradient", arguments: NetworkCase.all)
    func padding(_ example: NetworkCase) { expectZeroPadding(example) }
}
