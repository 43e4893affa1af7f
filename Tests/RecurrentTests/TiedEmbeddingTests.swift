import Recurrent
import Tensors
import Testing

@Suite("A tied embedding")
struct TiedEmbeddingTests {
    /// Narrow and wide output layers, with and without dropout.
    private static let cases = CellTable.all.flatMap { cell in
        [(3, 5, Float(0)), (7, 6, 0.3), (40, 21, 0), (300, 35, 0.4)].enumerated().map { number, sizes in
            NetworkCase(
                cell: cell.name, seed: UInt64(number), layers: 1 + number % 2, hidden: sizes.1, embedding: sizes.1,
                window: 4, sequences: 3,
                task: TaskShape(input: .tokens(vocabulary: sizes.0), output: .classes(sizes.0)),
                scoring: number == 1 ? .subset : .all, dropout: sizes.2, isTied: true, bound: 0.3)
        }
    }

    @Test("the layout has one matrix for embedding and output layer")
    func layout() throws {
        let layout = try #require(Self.cases.first).configuration.layout
        #expect(layout["output.weight"] == nil && layout["embedding.weight"]?.shape == [3, 5])
        #expect(layout.tensors.last?.name == "output.bias")
    }

    @Test(
        "the Double reference's gradient equals its central differences to 1e-6",
        arguments: cases.filter { $0.hiddenSize < 7 })
    func tape(_ example: NetworkCase) throws {
        let cell = try #require(plainCells[example.cellName])
        let distance = relativeDistance(
            try #require(example.plainRun(cell).gradients["embedding.weight"]),
            example.differences(of: "embedding.weight", cell))
        #expect(distance < 1e-6)
    }

    @Test("loss, gradients and state equal the Double reference's to 1e-4", arguments: cases)
    func reference(_ example: NetworkCase) throws { try expectReference(example) }

    @Test("in blocks for sums along the tree, the output layer's part is after the gradients", arguments: cases)
    func parts(_ example: NetworkCase) throws {
        let run = FloatRun(example)
        _ = run.step(example.batch)
        let stride = example.configuration.gradientStride(byTree: true)
        let tiedSums = try #require(example.configuration.tiedSums)
        let gradients = FloatBlock(count: stride)
        gradients.buffer.update(repeating: 1000)  // a gradient that isn't written keeps this value
        var network = SequenceModel(
            example.configuration, parameters: run.parameters, gradients: gradients, blockStride: stride)
        network.pack()
        let state = RecurrentState(streams: run.state.streams, for: example.configuration)
        state.set(example.state, firstStream: example.batch.firstStream)
        _ = network.train(
            example.batch, state, Workspace(for: example.configuration, keepsOutputs: false),
            dropoutSeed: example.seed, adding: false)
        let tensor = try #require(example.configuration.layout["embedding.weight"])
        let sum = tensor.range.map { Double(gradients.pointer[$0] + gradients.pointer[tiedSums.lowerBound + $0]) }
        #expect(relativeDistance(sum, run.gradient("embedding.weight")) < 1e-6)
    }
}
