import Tensors
import Testing

@Suite("Batch")
struct BatchTests {
    @Test("a batch of tokens and classes has tokens and targets, no features and no values")
    func tokens() {
        var batch = Batch()
        batch.reshape(window: 3, sequences: 2, for: TaskShape(input: .tokens(vocabulary: 9), output: .classes(9)))
        #expect(batch.window == 3 && batch.sequences == 2)
        #expect(batch.tokens == [0, 0, 0, 0, 0, 0])
        #expect(batch.targets == [-1, -1, -1, -1, -1, -1])
        #expect(batch.features.isEmpty && batch.targetValues.isEmpty)
    }

    @Test("a batch of features and values has features, targets and values, no tokens")
    func features() {
        var batch = Batch()
        batch.reshape(window: 2, sequences: 2, for: TaskShape(input: .features(3), output: .values(2)))
        #expect(batch.features == [Float](repeating: 0, count: 12))
        #expect(batch.targetValues == [Float](repeating: 0, count: 8))
        #expect(batch.targets == [-1, -1, -1, -1] && batch.tokens.isEmpty)
    }

    @Test("reshaping clears the previous contents, for larger and smaller shapes")
    func reshaping() {
        let shape = TaskShape(input: .features(1), output: .values(1))
        var batch = Batch()
        for (window, sequences) in [(2, 3), (1, 2), (4, 4), (0, 0), (3, 1)] {
            batch.reshape(window: window, sequences: sequences, for: shape)
            let rows = window * sequences
            #expect(batch.features == [Float](repeating: 0, count: rows))
            #expect(batch.targetValues == [Float](repeating: 0, count: rows))
            #expect(batch.targets == [Int32](repeating: Batch.unscored, count: rows))
            for row in 0..<rows {
                batch.features[row] = 1
                batch.targetValues[row] = 2
                batch.targets[row] = 3
            }
        }
    }

    @Test("only steps with a target are scored")
    func scored() {
        var batch = Batch()
        batch.reshape(window: 2, sequences: 2, for: TaskShape(input: .tokens(vocabulary: 3), output: .classes(3)))
        #expect(batch.scored == 0)
        batch.targets = [0, -1, 2, -1]
        #expect(batch.scored == 2)
    }

    @Test("the width of an output is its number of classes or values")
    func widths() {
        #expect(TaskShape.Output.classes(7).width == 7)
        #expect(TaskShape.Output.values(2).width == 2)
    }

    @Test("scored outputs are read row by row")
    func outputs() {
        let values: [Float] = [1, 2, 3, 4, 5, 6]
        values.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            let outputs = ScoredOutputs(rows: [4, 9], values: start, width: 3)
            #expect(Array(outputs[0]) == [1, 2, 3])
            #expect(Array(outputs[1]) == [4, 5, 6])
        }
    }
}
