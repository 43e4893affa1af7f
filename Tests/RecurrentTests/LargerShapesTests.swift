import Kernels
import Recurrent
import Tensors
import Testing

/// Shapes that are too large for the gradient tests' central differences: several tiles of units, of rows and of
/// columns, blocks of a vocabulary, chunks of a window, the embedding folded and not. They are compared with the Double
/// tape, which the gradient tests verify.
@Suite("Larger shapes")
struct LargerShapesTests {
    static let shapes: [NetworkCase] = CellTable.all.flatMap { cell in
        [
            // More units than a tile of any cell holds, and a last tile that is not full; rows for several tiles.
            NetworkCase(
                cell: cell.name, seed: 101, layers: 1, hidden: 70, embedding: 20, window: 3, sequences: 7,
                task: TaskShape(input: .features(19), output: .classes(12)), scoring: .all, dropout: 0, bound: 0.15),
            // Few distinct tokens, so that the embedding is folded into the layer; two layers.
            NetworkCase(
                cell: cell.name, seed: 102, layers: 2, hidden: 33, embedding: 21, window: 5, sequences: 6,
                task: TaskShape(input: .tokens(vocabulary: 4), output: .classes(11)), scoring: .all, dropout: 0,
                bound: 0.2),
            // Not folded: more tokens than steps, and dropout.
            NetworkCase(
                cell: cell.name, seed: 103, layers: 2, hidden: 18, embedding: 17, window: 4, sequences: 3,
                task: TaskShape(input: .tokens(vocabulary: 300), output: .classes(10)), scoring: .lengths, dropout: 0,
                bound: 0.3),
            NetworkCase(
                cell: cell.name, seed: 104, layers: 2, hidden: 18, embedding: 9, window: 6, sequences: 5,
                task: TaskShape(input: .tokens(vocabulary: 3), output: .values(9)), scoring: .subset, dropout: 0.4,
                bound: 0.3),
            // More classes than a block of the output layer, steps for several panels.
            NetworkCase(
                cell: cell.name, seed: 105, layers: 1, hidden: 6, embedding: 4, window: 6, sequences: 13,
                task: TaskShape(input: .tokens(vocabulary: 5), output: .classes(700)), scoring: .all, dropout: 0,
                bound: 0.5),
        ]
    }

    @Test("loss, gradients and state equal the Double reference's to 1e-4", arguments: shapes)
    func reference(_ example: NetworkCase) throws { try expectReference(example) }

    @Test("a training pass leaves the outputs that a forward pass leaves", arguments: shapes + NetworkCase.all)
    func outputsOfTraining(_ example: NetworkCase) {
        guard example.dropout == 0 else { return }
        let scoring = FloatRun(example)
        _ = scoring.forward(example.batch)
        let training = FloatRun(example)
        _ = training.step(example.batch)
        let (expected, found) = (scoring.workspace.scoredOutputs, training.workspace.scoredOutputs)
        #expect(found.rows == expected.rows && found.rows.count == example.batch.scored)
        for index in found.rows.indices { #expect(Array(found[index]) == Array(expected[index])) }
    }

    @Test("the shapes exceed the sizes of tiles and blocks that they are meant to exceed")
    func sizes() {
        #expect(Self.shapes.contains { $0.hiddenSize > Tuning.tileColumns })
        #expect(Self.shapes.contains { $0.task.output.width > Tuning.answerBlock })
        #expect(Self.shapes.contains { $0.batch.window * $0.batch.sequences > Tuning.tileColumns })
        #expect(Self.shapes.contains { $0.batch.sequences > Tuning.tileRows })
        #expect(Self.shapes.contains { (2...Tuning.narrowWidth).contains($0.task.output.width) == false })
    }

    @Test("a window whose logits take several chunks has the gradients of its parts of one chunk each")
    func chunks() throws {
        let classes = 60_000
        let example = NetworkCase(
            cell: "lstm", seed: 106, layers: 1, hidden: 9, embedding: 5, window: 2, sequences: 64,
            task: TaskShape(input: .tokens(vocabulary: 7), output: .classes(classes)), scoring: .all, dropout: 0,
            bound: 0.3)
        let bytesOfStep = classes * MemoryLayout<Float>.stride
        #expect(128 * bytesOfStep > Tuning.logitBytes && 64 * bytesOfStep <= Tuning.logitBytes)
        let whole = FloatRun(example)
        let expected = whole.step(example.batch)
        let parts = FloatRun(example)
        var tally = parts.step(example.batch.part(sequences: 0..<32, example.task))
        tally += parts.step(example.batch.part(sequences: 32..<64, example.task), adding: true)
        #expect(abs(tally.loss - expected.loss) < 1e-6 * expected.loss && tally.scored == 128)
        for tensor in example.configuration.layout.tensors {
            #expect(relativeDistance(parts.gradient(tensor.name), whole.gradient(tensor.name)) < 1e-5, "\(tensor.name)")
        }
    }
}
