package import ConfigFile
import Kernels
import Tensors

/// How the time steps of a sequence become one row for the output layer (`model.pooling`), where the whole sequence has
/// one output.
package enum Pooling: String, Sendable, CaseIterable {
    /// The state in which each direction has read the whole sequence: the forward one at its last time step, the reverse
    /// one at its first.
    case last
    /// The mean over its time steps.
    case mean

    /// A sequence has one output.
    package static let trait = Trait("a sequence has one output")

    static let key = ConfigKey(
        "model.pooling", .choice(allCases.map(\.rawValue)), default: .text(last.rawValue), when: Condition(trait),
        "What the output layer reads of a sequence: the last hidden state of each direction, or the mean over time.")
}

/// The memory of pooled rows for one window. Legend: T window, B sequences, H hidden, D directions.
final class PoolingMemory {
    private let pooling: Pooling
    private let hiddenSize: Int
    private let directions: Int
    /// `[B, D H]`: pooled rows, and the gradients of them.
    private var rows = FloatBlock(count: 0)
    private var gradient = FloatBlock(count: 0)

    init(_ pooling: Pooling, hiddenSize: Int, directions: Int) {
        self.pooling = pooling
        self.hiddenSize = hiddenSize
        self.directions = directions
    }

    private var columns: Int { directions * hiddenSize }
    private var pitch: Int { Tuning.rowPitch(columns) }

    /// Floats of the memory for `sequences` sequences.
    static func floatCount(hiddenSize: Int, directions: Int, sequences: Int) -> Int {
        2 * sequences * Tuning.rowPitch(directions * hiddenSize)
    }

    func prepare(sequences: Int) {
        guard rows.count < sequences * pitch else { return }
        rows = FloatBlock(count: sequences * pitch)
        gradient = FloatBlock(count: sequences * pitch)
    }

    /// Where the gradient of the pooled rows is to be stored, `[B, D H]`.
    var rowGradient: ResultRows { ResultRows(gradient.pointer, pitch: pitch) }

    /// The pooled rows of a batch, `[B, D H]`, of `hidden` `[T B, D H]`.
    func pooled(_ hidden: InputRows, _ batch: Batch) -> InputRows {
        for b in 0..<batch.sequences {
            let row = UnsafeMutableBufferPointer(start: rows.pointer + b * pitch, count: columns)
            func hiddenRow(_ t: Int) -> UnsafePointer<Float> {
                hidden.pointer + (t * batch.sequences + b) * hidden.pitch
            }
            switch pooling {
            case .last:
                forEachDirection(of: b, batch) { part, t in
                    UnsafeMutableBufferPointer(rebasing: row[part]).baseAddress?
                        .update(from: hiddenRow(t) + part.lowerBound, count: part.count)
                }
            case .mean:
                row.update(repeating: 0)
                for t in 0..<Int(batch.lengths[b]) { row.add(hiddenRow(t)) }
                let factor = 1 / Float(batch.lengths[b])
                for column in row.indices { row[column] *= factor }
            }
        }
        return InputRows(rows.pointer, pitch: pitch, columns: columns, count: batch.sequences)
    }

    /// Spreads the gradient of the pooled rows over `result` `[T B, D H]`, whose rows are 0.
    func spread(into result: ResultRows, _ batch: Batch) {
        for b in 0..<batch.sequences {
            let from = gradient.pointer + b * pitch
            func resultRow(_ t: Int) -> UnsafeMutablePointer<Float> {
                result.pointer + (t * batch.sequences + b) * result.pitch
            }
            switch pooling {
            case .last:
                forEachDirection(of: b, batch) { part, t in
                    (resultRow(t) + part.lowerBound).update(from: from + part.lowerBound, count: part.count)
                }
            case .mean:
                let factor = 1 / Float(batch.lengths[b])
                for t in 0..<Int(batch.lengths[b]) {
                    let to = resultRow(t)
                    for column in 0..<columns { to[column] = from[column] * factor }
                }
            }
        }
    }

    /// Calls `body` with the columns of each direction, and with the time step at which it has read all of sequence b.
    private func forEachDirection(of b: Int, _ batch: Batch, _ body: (_ columns: Range<Int>, _ t: Int) -> Void) {
        for direction in 0..<directions {
            body(
                direction * hiddenSize..<(direction + 1) * hiddenSize, direction == 0 ? Int(batch.lengths[b]) - 1 : 0)
        }
    }
}
