import Recurrent
import Tensors

/// The whole network in plain loops over sequences and units: what `SequenceModel` is compared with.
struct PlainNetwork<Number: Scalar> {
    let configuration: NetworkConfiguration
    let cell: (PlainStep<Number>) -> (hidden: [Number], cell: [Number])
    private let embedding: [Number]
    /// For each layer, one for each direction.
    private let layers: [(input: Linear, hidden: Linear, vectors: [[Number]])]
    private let directions: Int
    private let output: Linear
    /// Of a conditional random field: scores of transitions `[from, to]`, of first and of last labels.
    private let chain: (transitions: [Number], starts: [Number], ends: [Number])
    /// The factor of a unit: 0 or 1 / (1 - rate), 1 without dropout.
    let mask: (_ place: Int, _ time: Int, _ sequence: Int, _ unit: Int) -> Double

    /// W `[rows, columns]`, row-major, and b `[rows]`.
    private struct Linear {
        let weight: [Number]
        let bias: [Number]
        /// γ of layer normalisation; nil without it.
        var gain: [Number]?

        /// W x + b, or γ·N(W x) + b.
        func callAsFunction(_ x: [Number]) -> [Number] {
            let product = bias.indices.map { row in
                x.indices.reduce(Number(0)) { $0 + weight[row * x.count + $1] * x[$1] }
            }
            guard let gain else { return zip(product, bias).map { $0 + $1 } }
            let share = Number(1 / Double(product.count))
            let mean = product.reduce(Number(0)) { $0 + $1 } * share
            let differences = product.map { $0 - mean }
            let variance = differences.reduce(Number(0)) { $0 + $1 * $1 } * share
            let scale = (variance + Number(1e-5)).reciprocalSquareRoot
            return bias.indices.map { gain[$0] * differences[$0] * scale + bias[$0] }
        }
    }

    /// - Parameter parameters: each tensor's numbers by its name, row-major.
    init(
        _ configuration: NetworkConfiguration,
        _ cell: @escaping (PlainStep<Number>) -> (hidden: [Number], cell: [Number]), _ parameters: [String: [Number]],
        mask: @escaping (_ place: Int, _ time: Int, _ sequence: Int, _ unit: Int) -> Double
    ) {
        func linear(_ weight: String, _ bias: String, _ gain: String? = nil) -> Linear {
            Linear(
                weight: parameters[weight] ?? [], bias: parameters[bias] ?? [], gain: gain.flatMap { parameters[$0] })
        }
        self.configuration = configuration
        self.cell = cell
        self.mask = mask
        embedding = parameters["embedding.weight"] ?? []
        let suffixes = configuration.isBidirectional ? ["", "_reverse"] : [""]
        directions = suffixes.count
        layers = (0..<configuration.layers).flatMap { layer in
            suffixes.map { suffix in
                let end = "_l\(layer)\(suffix)"
                return (
                    linear("rnn.weight_ih\(end)", "rnn.bias_ih\(end)", "rnn.norm_ih\(end)"),
                    linear("rnn.weight_hh\(end)", "rnn.bias_hh\(end)", "rnn.norm_hh\(end)"),
                    configuration.cell.vectors.map { parameters["rnn.\($0.name)\(end)"] ?? [] }
                )
            }
        }
        chain = (
            parameters["crf.transitions"] ?? [], parameters["crf.start_transitions"] ?? [],
            parameters["crf.end_transitions"] ?? []
        )
        output = linear(configuration.tiesEmbedding ? "embedding.weight" : "output.weight", "output.bias")
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
            var rows = (0..<batch.window).map { t in dropped(input(batch, t, b), place: 0, t, b) }
            for layer in 0..<configuration.layers {
                var outputs = [[Number]](repeating: [], count: batch.window)
                for direction in 0..<directions {
                    let part = layer * directions + direction
                    var hidden = state.hidden[part][b].map { Number($0) }
                    var cells = state.cell[part][b].map { Number($0) }
                    let length = Int(batch.lengths[b])
                    for step in 0..<batch.window {
                        let t = direction == 1 && step < length ? length - 1 - step : step
                        (hidden, cells) = cell(
                            PlainStep(
                                fromInput: gates(layers[part].input(rows[t])),
                                fromHidden: gates(layers[part].hidden(hidden)), hidden: hidden, cell: cells,
                                vectors: layers[part].vectors))
                        outputs[t] += hidden
                    }
                    end.hidden[part][b] = hidden.map(\.value)
                    end.cell[part][b] = cells.map(\.value)
                }
                rows = outputs.enumerated().map { t, output in dropped(output, place: layer + 1, t, b) }
            }
            rows = pooled(rows, length: Int(batch.lengths[b]))
            let scored = rows.indices.filter { batch.targets[$0 * batch.sequences + b] != Batch.unscored }
            if configuration.task.loss == ConditionalRandomField.name {
                loss =
                    loss
                    + chainLoss(
                        scored.map { output(rows[$0]) }, scored.map { Int(batch.targets[$0 * batch.sequences + b]) })
                continue
            }
            for t in scored { loss = loss + self.loss(output(rows[t]), batch, t * batch.sequences + b) }
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

    /// The rows that the output layer reads: of a task whose sequences have one output, one.
    private func pooled(_ rows: [[Number]], length: Int) -> [[Number]] {
        let H = configuration.hiddenSize
        switch configuration.pooling {
        case nil: return rows
        case .last: return [Array(rows[length - 1][..<H] + rows[0][H...])]
        case .mean:
            return [
                rows[0].indices.map { unit in
                    rows[..<length].reduce(Number(0)) { $0 + $1[unit] } * Number(1 / Double(length))
                }
            ]
        }
    }

    private func gates(_ rows: [Number]) -> [[Number]] {
        stride(from: 0, to: rows.count, by: configuration.hiddenSize).map {
            Array(rows[$0..<$0 + configuration.hiddenSize])
        }
    }

    /// The logarithm of the sum of e^score over all paths, pair by pair in log space, minus the score of one path.
    private func chainLoss(_ scores: [[Number]], _ path: [Int]) -> Number {
        guard let first = scores.first, let start = path.first, let end = path.last else { return Number(0) }
        let K = first.count
        func logSum(_ terms: [Number]) -> Number {
            let top = Number(terms.map(\.value).max() ?? 0)
            return terms.reduce(Number(0)) { $0 + ($1 - top).exponential }.logarithm + top
        }
        var sums = (0..<K).map { first[$0] + chain.starts[$0] }
        var score = first[start] + chain.starts[start] + chain.ends[end]
        for (t, now) in scores.enumerated().dropFirst() {
            sums = (0..<K).map { to in
                logSum((0..<K).map { sums[$0] + chain.transitions[$0 * K + to] }) + now[to]
            }
            score = score + now[path[t]] + chain.transitions[path[t - 1] * K + path[t]]
        }
        return logSum((0..<K).map { sums[$0] + chain.ends[$0] }) - score
    }

    private func loss(_ output: [Number], _ batch: Batch, _ row: Int) -> Number {
        switch configuration.task.output {
        case .classes:
            // The largest logit is subtracted as a constant: it cancels.
            let top = Number(output.map(\.value).max() ?? 0)
            let sum = output.reduce(Number(0)) { $0 + ($1 - top).exponential }
            return sum.logarithm + top - output[Int(batch.targets[row])]
        case .values(let width):
            let errors = (0..<width).map { output[$0] - Number(Double(batch.targetValues[row * width + $0])) }
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
