import Recurrent
import Tensors

/// The whole network in plain loops over sequences and units: what `SequenceModel` is compared with.
struct PlainNetwork<Number: Scalar> {
    let configuration: NetworkConfiguration
    let cell: (PlainStep<Number>) -> (hidden: [Number], cell: [Number])
    private let embedding: [Number]
    private let layers: [(input: Linear, hidden: Linear, vectors: [[Number]])]
    private let output: Linear
    /// What a unit is multiplied by: 0 or 1 / (1 - rate), 1 without dropout.
    let mask: (_ place: Int, _ time: Int, _ sequence: Int, _ unit: Int) -> Double

    /// W `[rows, columns]`, row-major, and b `[rows]`.
    private struct Linear {
        let weight: [Number]
        let bias: [Number]

        /// W x + b.
        func callAsFunction(_ x: [Number]) -> [Number] {
            bias.indices.map { row in
                var sum = bias[row]
                for column in x.indices { sum = sum + weight[row * x.count + column] * x[column] }
                return sum
            }
        }
    }

    /// - Parameter parameters: each tensor's numbers by its name, row-major.
    init(
        _ configuration: NetworkConfiguration,
        _ cell: @escaping (PlainStep<Number>) -> (hidden: [Number], cell: [Number]), _ parameters: [String: [Number]],
        mask: @escaping (_ place: Int, _ time: Int, _ sequence: Int, _ unit: Int) -> Double
    ) {
        func linear(_ weight: String, _ bias: String) -> Linear {
            Linear(weight: parameters[weight] ?? [], bias: parameters[bias] ?? [])
        }
        func vectors(_ layer: Int) -> [[Number]] {
            configuration.cell.vectors.map { parameters["rnn.\($0.name)_l\(layer)"] ?? [] }
        }
        self.configuration = configuration
        self.cell = cell
        self.mask = mask
        embedding = parameters["embedding.weight"] ?? []
        layers = (0..<configuration.layers).map {
            (
                linear("rnn.weight_ih_l\($0)", "rnn.bias_ih_l\($0)"),
                linear("rnn.weight_hh_l\($0)", "rnn.bias_hh_l\($0)"), vectors($0)
            )
        }
        output = linear("output.weight", "output.bias")
    }

    struct Result {
        /// Summed over the scored steps.
        let loss: Number
        /// h and c of each layer and sequence after the window.
        let state: PlainState
    }

    /// Runs a window from a state, sequence after sequence.
    func run(_ batch: Batch, from state: PlainState) -> Result {
        var loss = Number(0)
        var end = state
        for b in 0..<batch.sequences {
            var hidden = state.hidden.map { layer in layer[b].map { Number($0) } }
            var cells = state.cell.map { layer in layer[b].map { Number($0) } }
            for t in 0..<batch.window {
                var x = dropped(input(batch, t, b), place: 0, t, b)
                for (layer, weights) in layers.enumerated() {
                    (hidden[layer], cells[layer]) = cell(
                        PlainStep(
                            fromInput: gates(weights.input(x)), fromHidden: gates(weights.hidden(hidden[layer])),
                            hidden: hidden[layer], cell: cells[layer], vectors: weights.vectors))
                    x = dropped(hidden[layer], place: layer + 1, t, b)
                }
                let row = t * batch.sequences + b
                guard batch.targets[row] != Batch.unscored else { continue }
                loss = loss + self.loss(output(x), batch, row)
            }
            for layer in 0..<configuration.layers {
                end.hidden[layer][b] = hidden[layer].map(\.value)
                end.cell[layer][b] = cells[layer].map(\.value)
            }
        }
        return Result(loss: loss, state: end)
    }

    private func input(_ batch: Batch, _ t: Int, _ b: Int) -> [Number] {
        let row = t * batch.sequences + b
        switch configuration.task.input {
        case .tokens:
            let size = configuration.embeddingSize
            let first = Int(batch.tokens[row]) * size
            return Array(embedding[first..<first + size])
        case .features(let width):
            return batch.features[row * width..<(row + 1) * width].map { Number(Double($0)) }
        }
    }

    /// Embeddings and layers drop units; features are read as they are.
    private func dropped(_ x: [Number], place: Int, _ t: Int, _ b: Int) -> [Number] {
        if place == 0, case .features = configuration.task.input { return x }
        return x.enumerated().map { unit, number in number * Number(mask(place, t, b, unit)) }
    }

    private func gates(_ rows: [Number]) -> [[Number]] {
        stride(from: 0, to: rows.count, by: configuration.hiddenSize).map {
            Array(rows[$0..<$0 + configuration.hiddenSize])
        }
    }

    private func loss(_ answer: [Number], _ batch: Batch, _ row: Int) -> Number {
        switch configuration.task.output {
        case .classes:
            // The largest logit is taken off, as a constant: it cancels.
            let top = Number(answer.map(\.value).max() ?? 0)
            let sum = answer.reduce(Number(0)) { $0 + ($1 - top).exponential }
            return sum.logarithm + top - answer[Int(batch.targets[row])]
        case .values(let width):
            let errors = (0..<width).map { answer[$0] - Number(Double(batch.targetValues[row * width + $0])) }
            return errors.reduce(Number(0)) { $0 + $1 * $1 } * Number(1 / Double(width))
        }
    }
}

/// h and c of each layer and sequence.
struct PlainState: Equatable {
    var hidden: [[[Double]]]
    /// Without numbers for a cell that has no c.
    var cell: [[[Double]]]
}
