import FileFormats
import Foundation
import Recurrent
import Tensors
import TestSupport
import Testing

@Suite("Both directions")
struct BidirectionalTests {
    private static let cases = CellTable.all.flatMap { cell in
        (1...20).map { NetworkCase(cell: cell.name, seed: $0, isBidirectional: true) }
    }
    /// Small enough for central differences, which run the network four times per parameter.
    private static let small = CellTable.all.flatMap { cell in
        [TaskShape.Input.features(2), .tokens(vocabulary: 3)].map { input in
            NetworkCase(
                cell: cell.name, seed: 7, layers: 2, hidden: 3, embedding: 2, window: 4, sequences: 3,
                task: TaskShape(input: input, output: .classes(3)), scoring: .lengths, dropout: 0.3,
                isBidirectional: true, bound: 0.7)
        }
    }
    /// Several tiles of units, and a last one that is not full; sequences of different lengths.
    private static let larger = CellTable.all.map { cell in
        NetworkCase(
            cell: cell.name, seed: 101, layers: 2, hidden: 35, embedding: 20, window: 4, sequences: 7,
            task: TaskShape(input: .features(19), output: .classes(12)), scoring: .lengths, dropout: 0,
            isBidirectional: true, bound: 0.15)
    }

    @Test("the Double reference's gradient equals its central differences to 1e-6", arguments: small)
    func tape(_ example: NetworkCase) throws { try expectCentralDifferences(example) }

    @Test("loss, gradients and state equal the Double reference's to 1e-4", arguments: small + cases + larger)
    func reference(_ example: NetworkCase) throws { try expectReference(example) }

    @Test(
        "any division of the sequences gives the same bits", arguments: larger + cases.filter { $0.batch.sequences > 1 }
    )
    func divisions(_ example: NetworkCase) {
        let count = example.batch.sequences
        expectSameBits(example, cutAt: [[1], [count / 2], Array(1..<count)])
    }

    @Test("padding changes nothing: a sequence alone has the same loss as one among longer ones")
    func padding() throws {
        let example = try #require(Self.larger.first)
        let whole = FloatRun(example)
        _ = whole.forward(example.batch)
        let losses = whole.workspace.sequenceLosses
        for b in 0..<example.batch.sequences {
            let alone = FloatRun(example)
            let length = Int(example.batch.lengths[b])
            let tally = alone.forward(
                example.batch.part(sequences: b..<b + 1, steps: 0..<length, example.task))
            #expect(tally.loss.bitPattern == losses[b].bitPattern, "sequence \(b) of \(length)")
        }
    }

    @Test("loss and gradients equal PyTorch's for sequences of different lengths", arguments: ["lstm", "gru", "rnn"])
    func pytorch(cell: String) throws {
        let file = try SafetensorsFile(
            ProjectFiles.fixtures.appending(path: "bidirectional-\(cell).safetensors").path)
        func numbers(_ name: String) throws -> [Float] {
            let shape = try #require(file.shape(of: name), "\(name)")
            let block = FloatBlock(count: shape.reduce(1, *))
            try file.read(name, into: block.buffer)
            return block.numbers()
        }
        let shape = try #require(file.shape(of: "input"))
        let task = TaskShape(input: .features(shape[2]), output: .classes(5))
        let configuration = NetworkConfiguration(
            cell: NetworkCase.cell(cell), layers: 2, hiddenSize: 9, embeddingSize: 0, isBidirectional: true, task: task)
        var batch = Batch()
        batch.reshape(window: shape[0], sequences: shape[1], for: task)
        batch.features = try numbers("input")
        batch.targets = try numbers("targets").map { Int32($0) }
        batch.lengths = try numbers("lengths").map { Int32($0) }
        let parameters = FloatBlock(count: configuration.layout.count)
        let gradients = FloatBlock(count: configuration.layout.count)
        for tensor in configuration.layout.tensors {
            for (place, number) in zip(tensor.range, try numbers(tensor.name)) { parameters.pointer[place] = number }
        }
        var network = SequenceModel(configuration, parameters: parameters, gradients: gradients)
        network.pack()
        let workspace = Workspace(for: configuration, keepsOutputs: false)
        let scored = network.train(
            batch, RecurrentState(streams: 0..<shape[1], for: configuration), workspace, adding: false)
        let loss = workspace.sequenceLosses.reduce(0, +)
        #expect(scored == batch.steps)
        #expect(abs(loss - Double(try numbers("loss")[0])) < 1e-5 * loss)
        for tensor in configuration.layout.tensors {
            let distance = relativeDistance(
                gradients.numbers(tensor.range).map { Double($0) },
                try numbers("gradient.\(tensor.name)").map { Double($0) })
            #expect(distance < 1e-5, "\(tensor.name)")
        }
    }
}
