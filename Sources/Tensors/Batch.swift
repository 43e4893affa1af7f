/// The sequences that a rank reads in a step: inputs and targets of `window` time steps of `sequences` streams.
///
/// All arrays are row-major, time first: the element (t, b) has index `t * sequences + b`. The memory is reused from
/// step to step; `reshape` only grows it. Sequences shorter than the window are followed by zero inputs and unscored
/// time steps.
package struct Batch: Sendable {
    /// T: time steps.
    package private(set) var window = 0
    /// B: sequences of this rank; may be 0 (more ranks than sequences).
    package private(set) var sequences = 0
    /// The index of row 0's stream, or of its sequence in the step's global batch. Rows are consecutive.
    package var firstStream = 0
    /// Time steps that each stream was trained on before this window, over all epochs; with the stream's index, the key
    /// of this window's dropout.
    package var position = 0

    /// `[window, sequences]`: input ids, if the task's input is tokens; else empty.
    package var tokens: [Int32] = []
    /// `[window, sequences, features]`: inputs, if the task's input is features; else empty.
    package var features: [Float] = []
    /// `[window, sequences]`: the class to predict, or for a task with values any non-negative number; `unscored` where
    /// nothing is predicted.
    package var targets: [Int32] = []
    /// `[window, sequences, values]`: the values to predict, read where `targets` is scored; else empty.
    package var targetValues: [Float] = []

    /// `[sequences]`: the number of time steps of each sequence; the remainder of the window is padding.
    package var lengths: [Int32] = []

    /// Time steps of all sequences, without padding: the tokens that throughput counts.
    package var steps: Int { lengths.reduce(0) { $0 + Int($1) } }

    package static let unscored: Int32 = -1

    package init() {}

    /// Resizes the arrays to `[window, sequences]` for a task: inputs are zero, all time steps unscored, and all
    /// sequences as long as the window.
    package mutating func reshape(window: Int, sequences: Int, for shape: TaskShape) {
        self.window = window
        self.sequences = sequences
        let rows = window * sequences
        lengths.refill(Int32(truncatingIfNeeded: window), count: sequences)
        switch shape.input {
        case .tokens: tokens.refill(0, count: rows)
        case .features(let count): features.refill(0, count: rows * count)
        }
        targets.refill(Self.unscored, count: rows)
        if case .values(let count) = shape.output { targetValues.refill(0, count: rows * count) }
    }

    /// The number of time steps that count in the loss.
    package var scored: Int { targets.count { $0 != Self.unscored } }
}

extension Array {
    fileprivate mutating func refill(_ value: Element, count: Int) {
        removeAll(keepingCapacity: true)
        append(contentsOf: repeatElement(value, count: count))
    }
}
