import System
package import Tensors

/// Sequences in memory with their classes, ready for a model.
final class LabelledSequences: Sendable {
    let shape: TaskShape
    /// `[time steps of all sequences, width]` of features, or the tokens.
    let features: [Float]
    let tokens: [Int32]
    /// Time steps of each sequence, and the first one of each among all.
    let lengths: [Int]
    let starts: [Int]
    /// The class of each sequence, or of each time step.
    let classes: [Int32]
    /// The tokens' spellings in the file, of texts if they are kept.
    let texts: [String]

    /// - Parameters:
    ///   - labels: nil: all classes are the first one.
    ///   - keepsTexts: whether the tokens' spellings are needed.
    /// - Throws: a `TableError` for a sequence that can't be read, or one without a label for each.
    init(
        _ part: SequenceData.Part, _ inputs: SequenceInputs, shape: TaskShape, _ labels: LabelSet?, keepsTexts: Bool
    ) throws(TableError) {
        var (features, tokens, texts) = ([Float](), [Int32](), [String]())
        var (starts, lengths, classes) = ([Int](), [Int](), [Int32]())
        var end = 0
        for sequence in part.sequences {
            starts.append(end)
            switch inputs {
            case .features(let series):
                features += try series.inputs(of: sequence, in: part.table)
                end = features.count / series.width
            case .tokens(let vocabulary):
                let text = part.table.texts[sequence]
                tokens += try vocabulary.encode(text, at: part.table.places[sequence])
                if keepsTexts { texts += vocabulary.pieces(of: text) }
                end = tokens.count
            }
            let length = end - starts[starts.count - 1]
            lengths.append(length)
            let needed = shape.scores == .steps ? length : 1
            let found =
                try labels?.classes(of: sequence, in: part.table, shape.scores)
                ?? [Int32](repeating: 0, count: needed)
            guard found.count == needed else {
                throw TableError(
                    part.table.places[sequence],
                    found: "\(counted(found.count, "label")) for \(counted(needed, "time step"))",
                    accepted: "a label for each")
            }
            classes += found
        }
        self.shape = shape
        self.features = features
        self.tokens = tokens
        self.lengths = lengths
        self.starts = starts
        self.classes = classes
        self.texts = texts
    }
}

/// Labelled sequences in batches; the class of a whole sequence is at its time step 0.
package struct LabelledSource: SequenceSource {
    private let sequences: LabelledSequences
    private let batch: Int
    private let order: SequenceOrder
    /// The order of the epoch that was read last.
    private var current: (epoch: Int, sequences: [Int])
    /// The share of padding in the first epoch, if each batch is padded as a whole.
    let padding: Double

    init(_ sequences: LabelledSequences, batch: Int, _ order: SequenceOrder) {
        self.sequences = sequences
        self.batch = batch
        self.order = order
        current = (1, order.sequences(sequences.lengths, batch: batch, epoch: 1))
        padding = SequenceOrder.padding(current.sequences, sequences.lengths, batch: batch)
        longestWindow = sequences.lengths.max() ?? 0
    }

    package let carriesState = false
    package let longestWindow: Int
    private var count: Int { sequences.lengths.count }
    package var stepsPerEpoch: Int { (count + batch - 1) / batch }
    package func rows(inStep step: Int) -> Int { min(batch, count - step * batch) }

    package var memoryBytes: Int {
        4 * (sequences.features.count + sequences.tokens.count + sequences.classes.count) + 24 * count
    }

    package func text(ofRow row: Int, step: Int, time: Int) -> String? {
        guard !sequences.texts.isEmpty else { return nil }
        return sequences.texts[sequences.starts[current.sequences[step * batch + row]] + time]
    }

    /// Shorter sequences are padded with inputs of 0, up to the longest of these sequences.
    package mutating func read(_ rows: Range<Int>, step: Int, epoch: Int, into batch: inout Batch) {
        if current.epoch != epoch {
            current = (epoch, order.sequences(sequences.lengths, batch: self.batch, epoch: epoch))
        }
        let chosen = current.sequences[step * self.batch + rows.lowerBound..<step * self.batch + rows.upperBound]
        batch.reshape(
            window: chosen.map { sequences.lengths[$0] }.max() ?? 0, sequences: rows.count, for: sequences.shape)
        batch.firstStream = rows.lowerBound
        batch.position = ((epoch - 1) * stepsPerEpoch + step) * longestWindow
        for (b, sequence) in chosen.enumerated() {
            let (first, length) = (sequences.starts[sequence], sequences.lengths[sequence])
            batch.lengths[b] = Int32(truncatingIfNeeded: length)
            switch sequences.shape.scores {
            case .sequences: batch.targets[b] = sequences.classes[sequence]
            case .steps:
                for t in 0..<length { batch.targets[t * rows.count + b] = sequences.classes[first + t] }
            }
            switch sequences.shape.input {
            case .tokens:
                for t in 0..<length { batch.tokens[t * rows.count + b] = sequences.tokens[first + t] }
            case .features(let width):
                for t in 0..<length {
                    let row = (t * rows.count + b) * width
                    for column in 0..<width {
                        batch.features[row + column] = sequences.features[(first + t) * width + column]
                    }
                }
            }
        }
    }
}
