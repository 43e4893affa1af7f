import Recurrent
import Tensors
import TestSupport
import Testing

/// A small network with parameters, a batch and a state to begin from, all drawn from a seed.
struct NetworkCase: Sendable, CustomTestStringConvertible {
    enum Scoring: String, Sendable, CaseIterable { case all, lengths, last, subset }

    let seed: UInt64
    let cellName: String
    let layers: Int
    let hiddenSize: Int
    let embeddingSize: Int
    let dropout: Float
    let isBidirectional: Bool
    let isTied: Bool
    let isNormalised: Bool
    /// Of a task whose sequences have one output.
    let pooling: Pooling
    let task: TaskShape
    let scoring: Scoring
    private(set) var batch: Batch
    /// Laid out as `configuration.layout`.
    let parameters: [Float]
    let state: PlainState

    var configuration: NetworkConfiguration {
        NetworkConfiguration(
            cell: Self.cell(cellName), layers: layers, hiddenSize: hiddenSize, embeddingSize: embeddingSize,
            dropout: dropout, isBidirectional: isBidirectional, isNormalised: isNormalised,
            tiesEmbedding: isTied, pooling: pooling, task: task)
    }

    static func cell(_ name: String) -> any Cell.Type {
        guard let cell = (CellTable.all + [TestGainCell.self]).first(where: { $0.name == name }) else {
            preconditionFailure("names come from the tables")
        }
        return cell
    }

    var testDescription: String {
        "\(cellName), seed \(seed): \(layers) x \(hiddenSize), window \(batch.window), batch \(batch.sequences), "
            + "\(task.input), \(task.output), \(scoring.rawValue) scored, dropout \(dropout)"
            + (isBidirectional ? ", bidirectional" : "") + (isTied ? ", tied" : "")
            + (isNormalised ? ", normalised" : "") + (task.scores == .sequences ? ", \(pooling.rawValue)" : "")
    }

    /// Every cell of the table with twenty shapes each. The first shapes are corner cases: window, batch and hidden
    /// units of 1, and a whole vector or one more.
    static let all: [NetworkCase] = CellTable.all.flatMap { cell in
        (1...20).map { NetworkCase(cell: cell.name, seed: $0) }
    }

    private static let corners: [(window: Int, batch: Int, hidden: Int)] = [
        (1, 1, 1), (1, 3, 8), (4, 1, 5), (5, 2, 1), (3, 2, 16), (2, 3, 17),
    ]

    init(cell: String, seed: UInt64, dropout givenDropout: Float? = nil, isBidirectional: Bool = false) {
        var random = SeededRandom(ofCase: seed)
        let corner = seed <= UInt64(Self.corners.count) ? Self.corners[Int(seed) - 1] : nil
        let window = corner?.window ?? random.number(1...6)
        let sequences = corner?.batch ?? random.number(1...5)
        // Small, since central differences run the network four times per parameter.
        let hidden = corner?.hidden ?? random.number(1...12)
        let takesTokens = random.number(0...1) == 0
        let givesClasses = random.number(0...2) > 0
        let scoring = seed % 4 == 0 ? .all : Scoring.allCases[random.number(0...3)]
        let layers = hidden > 12 ? 1 : random.number(1...3)
        let embedding = random.number(1...9)
        let dropout = givenDropout ?? (seed % 3 == 0 ? Float.random(in: 0.1...0.6, using: &random) : 0)
        let input: TaskShape.Input =
            takesTokens ? .tokens(vocabulary: random.number(2...9)) : .features(random.number(1...4))
        let output: TaskShape.Output =
            givesClasses ? .classes(random.number(2...9)) : .values(random.number(1...3))
        // Those of single time steps; `RandomFieldTests` has the others.
        let losses = LossTable.all.filter {
            $0.init(TaskShape(input: input, output: output)) != nil && $0 != ConditionalRandomField.self
        }
        let task = TaskShape(input: input, output: output, loss: losses[Int(seed) % losses.count].name)
        self.init(
            cell: cell, seed: seed, layers: layers, hidden: hidden, embedding: embedding, window: window,
            sequences: sequences, task: task, scoring: scoring, dropout: dropout, isBidirectional: isBidirectional,
            isTied: false, isNormalised: false, pooling: .last, bound: 0.7, &random)
    }

    /// A given shape, with numbers from the seed: parameters within `bound`.
    init(
        cell: String, seed: UInt64, layers: Int, hidden: Int, embedding: Int, window: Int, sequences: Int,
        task: TaskShape, scoring: Scoring, dropout: Float, isBidirectional: Bool = false,
        isTied: Bool = false, isNormalised: Bool = false, pooling: Pooling = .last, bound: Float
    ) {
        var random = SeededRandom(ofCase: seed)
        self.init(
            cell: cell, seed: seed, layers: layers, hidden: hidden, embedding: embedding, window: window,
            sequences: sequences, task: task, scoring: scoring, dropout: dropout, isBidirectional: isBidirectional,
            isTied: isTied, isNormalised: isNormalised, pooling: pooling, bound: bound, &random)
    }

    private init(
        cell: String, seed: UInt64, layers: Int, hidden: Int, embedding: Int, window: Int, sequences: Int,
        task: TaskShape, scoring: Scoring, dropout: Float, isBidirectional: Bool, isTied: Bool,
        isNormalised: Bool, pooling: Pooling, bound: Float,
        _ random: inout SeededRandom
    ) {
        self.seed = seed
        cellName = cell
        self.layers = layers
        hiddenSize = hidden
        embeddingSize = embedding
        self.dropout = dropout
        self.isBidirectional = isBidirectional
        self.isTied = isTied
        self.isNormalised = isNormalised
        self.pooling = pooling
        self.task = task
        self.scoring = scoring
        batch = Self.batch(task, window: window, sequences: sequences, scoring, &random)
        let layout = NetworkConfiguration(
            cell: Self.cell(cell), layers: layers, hiddenSize: hidden, embeddingSize: embeddingSize,
            isBidirectional: isBidirectional, isNormalised: isNormalised, tiesEmbedding: isTied, task: task
        ).layout
        var parameters = [Float](repeating: 0, count: layout.count)
        for tensor in layout.tensors {
            for place in tensor.range { parameters[place] = random.float(bound) }
        }
        self.parameters = parameters
        // Two of three cases begin with a carried state.
        func numbers(_ count: Int) -> [[[Double]]] {
            let size: Float = seed % 3 == 1 ? 0 : 0.8
            return (0..<layers * (isBidirectional ? 2 : 1)).map { _ in
                (0..<sequences).map { _ in (0..<count).map { _ in Double(size * random.float(1)) } }
            }
        }
        state = PlainState(hidden: numbers(hidden), cell: numbers(Self.cell(cell).hasCellState ? hidden : 0))
    }

    private static func batch(
        _ task: TaskShape, window: Int, sequences: Int, _ scoring: Scoring, _ random: inout SeededRandom
    ) -> Batch {
        var batch = Batch()
        batch.reshape(window: window, sequences: sequences, for: task)
        batch.firstStream = random.number(0...100)
        batch.position = random.number(0...1000)
        for b in 0..<sequences {
            // At least one sequence is as long as the window.
            let length = b == 0 || scoring == .all ? window : random.number(1...window)
            batch.lengths[b] = Int32(length)
            for t in 0..<length {
                let row = t * sequences + b
                switch task.input {
                case .tokens(let vocabulary): batch.tokens[row] = Int32(random.number(0...vocabulary - 1))
                case .features(let width):
                    for column in 0..<width { batch.features[row * width + column] = random.float(1) }
                }
                let isScored =
                    switch scoring {
                    case _ where task.scores == .sequences: t == 0
                    case .all, .lengths: true
                    case .last: t == length - 1
                    case .subset: t == 0 && b == 0 || random.number(0...1) == 0
                    }
                guard isScored else { continue }
                switch task.output {
                case .classes(let count): batch.targets[row] = Int32(random.number(0...count - 1))
                case .values(let width):
                    batch.targets[row] = 0
                    for column in 0..<width { batch.targetValues[row * width + column] = random.float(1) }
                }
            }
        }
        return batch
    }

    /// The same case with other classes: those of each sequence's time steps.
    func with(labels: [Int32]) -> NetworkCase {
        var other = self
        for row in batch.targets.indices where batch.targets[row] != Batch.unscored {
            other.batch.targets[row] = labels[row / batch.sequences % labels.count]
        }
        return other
    }

    /// The factor by which dropout multiplies a unit, from the random words that `Dropout` documents.
    func mask(place: Int, time: Int, sequence: Int, unit: Int) -> Double {
        guard dropout > 0 else { return 1 }
        let words = CounterRandom.words(
            seed: seed, purpose: .dropout, channel: UInt32(place), UInt32(batch.position + time),
            UInt32(batch.firstStream + sequence), UInt32(unit / 4))
        let draw = Double(words[unit % 4] >> 8) / 0x1p24
        return draw >= Double(dropout) ? 1 / (1 - Double(dropout)) : 0
    }
}

extension SeededRandom {
    /// Cases have small consecutive seeds; their sequences overlap unless the seeds are far apart.
    init(ofCase seed: UInt64) { self.init(seed &* 0xD134_2543_DE82_EF95) }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func float(_ bound: Float) -> Float { Float.random(in: -bound...bound, using: &self) }
}
