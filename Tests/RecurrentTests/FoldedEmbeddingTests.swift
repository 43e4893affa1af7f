import Recurrent
import Tensors
import Testing

@Suite("Folding the embedding")
struct FoldedEmbeddingTests {
    private func isFolded(
        _ vocabulary: Int, hidden: Int, layers: Int = 2, dropout: Float = 0, distinct: Int, steps: Int
    ) throws -> Bool {
        let cell = try #require(CellTable.cell(named: "lstm"))
        let sizes = NetworkConfiguration(
            cell: cell, layers: layers, hiddenSize: hidden, embeddingSize: hidden, dropout: dropout,
            task: TaskShape(input: .tokens(vocabulary: vocabulary), output: .classes(vocabulary)))
        let set = RowSet(rows: vocabulary)
        for token in 0..<distinct { set.insert(token) }
        let tokens = StepTokens(vocabulary: vocabulary, sizes.foldedEmbeddingInTraining)
        tokens.take(set, steps: steps)
        return tokens.isFolded
    }

    @Test("characters are folded, the words of a small batch are not: their output layer takes most of the step")
    func charactersAndWords() throws {
        #expect(try isFolded(65, hidden: 128, distinct: 60, steps: 2500))
        #expect(try !isFolded(10_000, hidden: 200, distinct: 230, steps: 400))
        #expect(try isFolded(10_000, hidden: 200, distinct: 60, steps: 400))
    }

    @Test("neither with dropout nor with more tokens than twice the width")
    func exceptions() throws {
        #expect(try !isFolded(65, hidden: 128, dropout: 0.1, distinct: 60, steps: 2500))
        #expect(try isFolded(1000, hidden: 128, distinct: 256, steps: 100_000))
        #expect(try !isFolded(1000, hidden: 128, distinct: 257, steps: 100_000))
    }
}
