import Foundation
import Recurrent
import Tensors
import TestSupport
import Testing

@Suite("Names and shapes")
struct LayoutTests {
    private struct Tensor: Decodable, Equatable {
        let name: String
        let shape: [Int]
    }

    /// By cell, the tensors of PyTorch's modules: two layers of 9 units on an embedding of 256 by 7.
    private static func fixture() throws -> [String: [Tensor]] {
        let file = ProjectFiles.fixtures.appending(path: "pytorch_names.json")
        return try JSONDecoder().decode([String: [Tensor]].self, from: Data(contentsOf: file))
    }

    @Test("each cell's tensors have PyTorch's names, shapes and order")
    func pytorch() throws {
        let fixture = try Self.fixture()
        #expect(Set(fixture.keys) == Set(CellTable.all.map { $0.name }))
        for cell in CellTable.all {
            let configuration = NetworkConfiguration(
                cell: cell, layers: 2, hiddenSize: 9, embeddingSize: 7,
                task: TaskShape(input: .tokens(vocabulary: 256), output: .classes(256)))
            let tensors = configuration.layout.tensors.map { Tensor(name: $0.name, shape: $0.shape) }
            #expect(tensors == fixture[cell.name], "\(cell.name)")
        }
    }

    @Test("a network on features has no embedding, and its first layer is as wide as they are")
    func features() {
        for cell in CellTable.all {
            let configuration = NetworkConfiguration(
                cell: cell, layers: 1, hiddenSize: 5, embeddingSize: 99,
                task: TaskShape(input: .features(3), output: .values(2)))
            let rows = 5 * cell.gates
            let vectors = cell.vectors.map { Tensor(name: "rnn.\($0.name)_l0", shape: [5]) }
            #expect(
                configuration.layout.tensors.map { Tensor(name: $0.name, shape: $0.shape) } == [
                    Tensor(name: "rnn.weight_ih_l0", shape: [rows, 3]),
                    Tensor(name: "rnn.weight_hh_l0", shape: [rows, 5]),
                    Tensor(name: "rnn.bias_ih_l0", shape: [rows]), Tensor(name: "rnn.bias_hh_l0", shape: [rows]),
                ] + vectors + [
                    Tensor(name: "output.weight", shape: [2, 5]), Tensor(name: "output.bias", shape: [2]),
                ])
            #expect(configuration.embeddingSize == 0)
        }
    }

    @Test("a backward pass finishes adjacent ranges, from the layout's end to its start")
    func finishingRanges() {
        for cell in CellTable.all {
            for input in [TaskShape.Input.tokens(vocabulary: 7), .features(3)] {
                let configuration = NetworkConfiguration(
                    cell: cell, layers: 3, hiddenSize: 5, embeddingSize: 4,
                    task: TaskShape(input: input, output: .classes(6)))
                let ranges = configuration.finishingRanges(byTree: false)
                #expect(ranges.reversed().flatMap { Array($0) } == Array(0..<configuration.layout.count))
                let first = ranges.map { range in
                    configuration.layout.tensors.first { range.contains($0.offset) }?.name
                }
                let embedding: [String?] = configuration.embeddingSize > 0 ? ["embedding.weight"] : []
                #expect(
                    first == ["output.weight", "rnn.weight_ih_l2", "rnn.weight_ih_l1", "rnn.weight_ih_l0"] + embedding)
                // By the tree, the first input weights are finished with the embedding.
                let byTree = configuration.finishingRanges(byTree: true)
                guard let recurrent = configuration.layout["rnn.weight_hh_l0"]?.offset, !embedding.isEmpty else {
                    #expect(byTree == ranges)
                    continue
                }
                #expect(byTree == ranges.dropLast(2) + [recurrent..<ranges[3].upperBound, 0..<recurrent])
            }
        }
    }

    @Test("cells are found by the words of model.cell")
    func names() {
        for cell in CellTable.all { #expect(CellTable.cell(named: cell.name)?.name == cell.name) }
        #expect(CellTable.cell(named: "LSTM") == nil)
        #expect(Set(CellTable.all.map { $0.name }).count == CellTable.all.count)
    }
}
