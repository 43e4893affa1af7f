import Recurrent
import Tensors

/// `SequenceModel` on a case, with separate parameters, gradients, state and activations.
struct FloatRun {
    let configuration: NetworkConfiguration
    let parameters: FloatBlock
    let gradients: FloatBlock
    var network: SequenceModel
    let state: RecurrentState
    let workspace: Workspace
    let dropoutSeed: UInt64?

    /// - Parameter streams: the streams whose state is stored, which include the batch's; nil: only the batch's.
    init(_ example: NetworkCase, streams: Range<Int>? = nil) {
        configuration = example.configuration
        let count = configuration.layout.count
        parameters = FloatBlock(count: count)
        gradients = FloatBlock(count: count)
        for (place, number) in example.parameters.enumerated() { parameters.pointer[place] = number }
        // A gradient that isn't written keeps this value.
        for tensor in configuration.layout.tensors { gradients[tensor.range].update(repeating: 1000) }
        network = SequenceModel(configuration, parameters: parameters, gradients: gradients)
        network.pack()
        let batchStreams = example.batch.firstStream..<example.batch.firstStream + example.batch.sequences
        state = RecurrentState(streams: streams ?? batchStreams, for: configuration)
        workspace = Workspace(for: configuration, keepsOutputs: true)
        dropoutSeed = example.seed
        state.set(example.state, firstStream: example.batch.firstStream)
    }

    /// h, then c, of the stored streams: `[layers, streams, H]` each.
    var stateNumbers: [Double] { (state.hidden.numbers() + state.cell.numbers()).map { Double($0) } }

    func forward(_ batch: Batch) -> Tally {
        Tally(scored: network.score(batch, state, workspace, dropoutSeed: dropoutSeed), workspace)
    }

    func step(_ batch: Batch, adding: Bool = false) -> Tally {
        Tally(
            scored: network.train(batch, state, workspace, dropoutSeed: dropoutSeed, adding: adding),
            workspace)
    }

    func gradient(_ name: String) -> [Double] {
        guard let tensor = configuration.layout[name] else { return [] }
        return gradients.numbers(tensor.range).map { Double($0) }
    }
}

/// The loss of a window, summed over its scored steps, and their number.
struct Tally: Equatable {
    var loss = 0.0
    var scored = 0

    init() {}

    /// The loss of the window in a workspace.
    init(scored: Int, _ workspace: Workspace) {
        loss = workspace.sequenceLosses.reduce(0, +)
        self.scored = scored
    }

    static func += (total: inout Tally, part: Tally) {
        total.loss += part.loss
        total.scored += part.scored
    }
}

extension RecurrentState {
    /// Copies h and c of consecutive streams.
    func set(_ plain: PlainState, firstStream: Int) {
        for (block, numbers) in [(hidden, plain.hidden), (cell, plain.cell)] {
            for (layer, rows) in numbers.enumerated() {
                for (b, row) in rows.enumerated() {
                    let offset = (layer * streams.count + firstStream + b - streams.lowerBound) * hiddenSize
                    for (unit, number) in row.enumerated() { block.pointer[offset + unit] = Float(number) }
                }
            }
        }
    }
}

extension FloatBlock {
    /// A copy of a range of the floats, or of all; it may outlive the block.
    func numbers(_ range: Range<Int>? = nil) -> [Float] {
        withExtendedLifetime(self) { Array(self[range ?? 0..<count]) }
    }
}

extension PlainState {
    /// h, then c, in the order of a `RecurrentState`.
    var numbers: [Double] { (hidden + cell).flatMap { $0.flatMap { $0 } } }
}

extension Batch {
    /// A subset of the batch's sequences and steps, at their positions in the whole batch.
    func part(sequences rows: Range<Int>? = nil, steps: Range<Int>? = nil, _ task: TaskShape) -> Batch {
        let rows = rows ?? 0..<sequences
        let steps = steps ?? 0..<window
        var part = Batch()
        part.reshape(window: steps.count, sequences: rows.count, for: task)
        part.firstStream = firstStream + rows.lowerBound
        part.position = position + steps.lowerBound
        for (t, step) in steps.enumerated() {
            for (b, sequence) in rows.enumerated() {
                let to = t * rows.count + b
                let from = step * sequences + sequence
                func copy<Number>(_ path: WritableKeyPath<Batch, [Number]>) {
                    let width = self[keyPath: path].count / (window * sequences)
                    for column in 0..<width {
                        part[keyPath: path][to * width + column] = self[keyPath: path][from * width + column]
                    }
                }
                copy(\.tokens)
                copy(\.features)
                copy(\.targets)
                copy(\.targetValues)
            }
        }
        for (b, sequence) in rows.enumerated() {
            part.lengths[b] = min(max(lengths[sequence] - Int32(steps.lowerBound), 0), Int32(steps.count))
        }
        return part
    }
}
