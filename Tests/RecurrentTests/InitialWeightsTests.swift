import ConfigFile
import Foundation
import Recurrent
import Tensors
import Testing

/// The traits of two tasks, as in the table of all keys.
private let networkTraits = [
    NetworkConfiguration.readsTokens: Condition(path: "task", isOneOf: ["language-model"]),
    NetworkConfiguration.predictsTokens: Condition(path: "task", isOneOf: ["language-model"]),
    Pooling.trait: Condition(path: "task", isOneOf: ["classification"]),
    NetworkConfiguration.mayReadAhead: Condition(path: "task", isOneOf: ["reber"]),
]

@Suite("Initial weights")
struct InitialWeightsTests {
    private func configuration(
        _ cell: any Cell.Type, layers: Int = 2, hidden: Int = 50
    ) -> NetworkConfiguration {
        NetworkConfiguration(
            cell: cell, layers: layers, hiddenSize: hidden, embeddingSize: 20,
            task: TaskShape(input: .tokens(vocabulary: 30), output: .classes(30)))
    }

    private func filled(
        _ configuration: NetworkConfiguration, _ weights: InitialWeights, seed: UInt64 = 1
    ) -> [Float] {
        let block = FloatBlock(count: configuration.layout.count)
        weights.fill(block, configuration.modelLayout, seed: seed)
        return block.numbers()
    }

    /// A tensor's rows of one gate.
    private func gate(_ gate: Int, _ name: String, _ block: [Float], _ configuration: NetworkConfiguration) -> [Float] {
        guard let tensor = configuration.layout[name] else { return [] }
        let first = tensor.offset + gate * configuration.hiddenSize
        return Array(block[first..<first + configuration.hiddenSize])
    }

    @Test("every weight, embedding and bias is uniform in (-scale, scale)", arguments: CellTable.all.map { $0.name })
    func uniform(cell: String) {
        let configuration = configuration(NetworkCase.cell(cell))
        let block = filled(configuration, InitialWeights(scale: 0.3))
        for tensor in configuration.layout.tensors {
            let numbers = block[tensor.range]
            #expect(numbers.allSatisfy { abs($0) <= 0.3 && $0 != 0 }, "\(tensor.name)")
            #expect(Set(numbers).count > tensor.count * 99 / 100, "\(tensor.name)")
            // 4 standard deviations of the mean and of the mean square of uniform numbers; the seed is fixed.
            let count = Double(tensor.count)
            let mean = numbers.reduce(0) { $0 + Double($1) } / count
            let square = numbers.reduce(0) { $0 + Double($1) * Double($1) } / count
            let meanDeviation = (0.03 / count).squareRoot()
            let squareDeviation = 0.09 * (4 / 45 / count).squareRoot()
            #expect(abs(mean) < 4 * meanDeviation, "\(tensor.name)")
            #expect(abs(square - 0.03) < 4 * squareDeviation, "\(tensor.name)")
        }
        let owned = Set(configuration.layout.tensors.flatMap { Array($0.range) })
        #expect(block.indices.allSatisfy { owned.contains($0) || block[$0] == 0 })
    }

    @Test("the same seed gives the same weights at every call, another seed different ones in every tensor")
    func seeds() {
        let configuration = configuration(NetworkCase.cell("lstm"))
        for bias in [InitialWeights.ForgetBias.value(0), .value(1), .chrono(lag: 50)] {
            let weights = InitialWeights(scale: 0.1, forgetBias: bias)
            let block = filled(configuration, weights)
            #expect(block == filled(configuration, weights))
            let other = filled(configuration, weights, seed: 2)
            for tensor in configuration.layout.tensors {
                #expect(block[tensor.range] != other[tensor.range], "\(tensor.name)")
            }
        }
    }

    @Test("no two tensors begin with the same numbers")
    func tensorsDiffer() {
        let configuration = configuration(NetworkCase.cell("lstm"))
        let block = filled(configuration, InitialWeights(scale: 0.1))
        let starts = configuration.layout.tensors.map { Array(block[$0.offset..<$0.offset + 8]) }
        #expect(Set(starts).count == starts.count)
    }

    @Test("a forget bias sets the forget gate's input bias and zeroes its recurrent one, in every layer")
    func forgetBias() throws {
        for cell in CellTable.all {
            let configuration = configuration(cell)
            let plain = filled(configuration, InitialWeights(scale: 0.1))
            let block = filled(configuration, InitialWeights(scale: 0.1, forgetBias: .value(1.5)))
            for tensor in configuration.layout.tensors {
                let isBias = tensor.name.hasPrefix("rnn.bias")
                for (index, place) in tensor.range.enumerated() {
                    let expected: Float =
                        isBias && index / configuration.hiddenSize == cell.forgetGate
                        ? (tensor.name.contains("_ih_") ? 1.5 : 0) : plain[place]
                    #expect(block[place] == expected, "\(tensor.name)[\(index)] of \(cell.name)")
                }
            }
        }
    }

    @Test("chrono: forget biases are log U(1, lag - 1), input biases their negatives, different in each layer")
    func chrono() throws {
        let cell = NetworkCase.cell("lstm")
        let configuration = configuration(cell, hidden: 1000)
        let block = filled(configuration, InitialWeights(scale: 0.1, forgetBias: .chrono(lag: 101)))
        let (forgetGate, inputGate) = (cell.forgetGate, cell.inputGate)
        let forget = try #require(forgetGate)
        let input = try #require(inputGate)
        var layers: [[Float]] = []
        for layer in 0..<2 {
            let biases = gate(forget, "rnn.bias_ih_l\(layer)", block, configuration)
            #expect(gate(input, "rnn.bias_ih_l\(layer)", block, configuration) == biases.map { -$0 })
            for gates in [forget, input] {
                #expect(gate(gates, "rnn.bias_hh_l\(layer)", block, configuration).allSatisfy { $0 == 0 })
            }
            let spans = biases.map { expf($0) }
            #expect(spans.allSatisfy { $0 > 0.9999 && $0 < 100.01 })
            // Uniform in (1, 100): mean 50.5, standard deviation of the mean of 1,000 numbers 0.9; the seed is fixed.
            #expect(abs(spans.reduce(0, +) / 1000 - 50.5) < 3.6)
            #expect((spans.min() ?? 9) < 2 && (spans.max() ?? 0) > 99)
            // The other gates keep their uniform biases.
            #expect(gate(2, "rnn.bias_ih_l\(layer)", block, configuration).allSatisfy { abs($0) <= 0.1 })
            layers.append(biases)
        }
        #expect(layers[0] != layers[1])
    }

    @Test("the configuration's scale is taken as given, and auto is 1 / sqrt(hidden)")
    func keys() throws {
        func weights(_ yaml: String) throws -> InitialWeights {
            let task = ConfigKey("task", .choice(["language-model"]), isRequired: true, "The task.")
            let table = ConfigTable(
                keys: [task] + NetworkConfiguration.keys + InitialWeights.keys, exclusive: InitialWeights.exclusiveKeys,
                traits: networkTraits)
            let text = "task: language-model\nmodel: {hidden: 64\(yaml)}\n"
            return InitialWeights(try Configuration(yaml: text, file: "test.yaml", table: table))
        }
        func bias(_ weights: InitialWeights) -> String { "\(weights.forgetBias)" }
        #expect(try weights("").scale == 0.125)
        #expect(try weights(", init: {scale: auto}").scale == 0.125)
        #expect(try weights(", init: {scale: 0.08}").scale == 0.08)
        #expect(try bias(weights("")) == "value(0.0)")
        #expect(try bias(weights(", init: {forget_bias: 1}")) == "value(1.0)")
        #expect(try bias(weights(", init: {forget_bias: {chrono: 110}}")) == "chrono(lag: 110)")
        #expect(try bias(weights(", cell: gru")) == "value(0.0)")
    }

    @Test("the sizes of a network are the configuration's")
    func sizes() throws {
        let task = ConfigKey("task", .choice(["language-model", "reber"]), isRequired: true, "The task.")
        let table = ConfigTable(
            keys: [task] + NetworkConfiguration.keys,
            traits: networkTraits)
        let text = "task: language-model\nmodel: {cell: gru, layers: 3, hidden: 6, embedding: 5, dropout: 0.25}\n"
        let network = NetworkConfiguration(
            try Configuration(yaml: text, file: "test.yaml", table: table),
            task: TaskShape(input: .tokens(vocabulary: 4), output: .classes(4)))
        #expect(network.cell.name == "gru" && network.layers == 3 && network.hiddenSize == 6)
        #expect(network.embeddingSize == 5 && network.dropout == 0.25)
        let inputs = (0..<3).map { network.layout["rnn.weight_ih_l\($0)"]?.shape.last }
        #expect(inputs == [5, 6, 6] && !network.tiesEmbedding && !network.isBidirectional)
    }
}
