import Tensors

/// The order in which the sequences of files form batches.
package enum SequenceOrder {
    /// As in the files.
    case asRead
    /// By length, so that a batch has little padding.
    case byLength
    /// Another one in each epoch: shuffled, then in batches of similar lengths.
    case shuffled(seed: UInt64)

    /// Batches whose sequences are sorted by length at a time, in a shuffled order: more would have less padding, and
    /// fewer different batches.
    private static let batchesSorted = 64

    /// The sequences of an epoch, of which each `batch` form a step, the last step perhaps of fewer. A function of the
    /// seed and the epoch, so that a resumed run goes on with the same batches.
    ///
    /// - Parameter lengths: time steps of each sequence.
    package func sequences(_ lengths: [Int], batch: Int, epoch: Int) -> [Int] {
        switch self {
        case .asRead: return Array(lengths.indices)
        case .byLength: return Self.sorted(lengths.indices, lengths)
        case .shuffled(let seed):
            var random = CounterRandom(seed: seed, purpose: .shuffle, epoch: epoch)
            var order = Array(lengths.indices)
            Self.shuffle(&order, &random)
            let pool = batch * Self.batchesSorted
            for first in stride(from: 0, to: order.count, by: pool) {
                let part = first..<min(first + pool, order.count)
                order.replaceSubrange(part, with: Self.sorted(order[part], lengths))
            }
            let whole = order.count / batch
            let rest = order.count % batch
            if rest > 0, whole > 0 {
                // The short batch is the last one: of any length, from the last pool.
                let pool = (order.count - 1) / pool * pool
                let place = pool + random.below((order.count - pool) / batch + 1) * batch
                let taken = place..<min(place + rest, order.count)
                let short = Array(order[taken])
                order.removeSubrange(taken)
                order += short
            }
            var batches = Array(0..<whole)
            Self.shuffle(&batches, &random)
            return batches.flatMap { order[$0 * batch..<($0 + 1) * batch] } + order[(whole * batch)...]
        }
    }

    /// Equal lengths keep their order.
    private static func sorted(_ sequences: some Sequence<Int>, _ lengths: [Int]) -> [Int] {
        sequences.enumerated().sorted { (lengths[$0.element], $0.offset) < (lengths[$1.element], $1.offset) }
            .map(\.element)
    }

    /// Fisher and Yates.
    private static func shuffle(_ values: inout [Int], _ random: inout CounterRandom) {
        for last in stride(from: values.count - 1, to: 0, by: -1) { values.swapAt(last, random.below(last + 1)) }
    }

    /// A seeded random part of sequences, and the others, both ascending.
    package static func divide(_ count: Int, fraction: Double, seed: UInt64) -> (part: [Int], others: [Int]) {
        var random = CounterRandom(seed: seed, purpose: .shuffle)
        var order = Array(0..<count)
        shuffle(&order, &random)
        let size = Int(Double(count) * fraction)
        return (order[..<size].sorted(), order[size...].sorted())
    }

    /// The share of padding in the time steps of batches, if each is padded to its longest sequence.
    package static func padding(_ order: [Int], _ lengths: [Int], batch: Int) -> Double {
        var (padded, steps) = (0, 0)
        for first in stride(from: 0, to: order.count, by: batch) {
            let part = order[first..<min(first + batch, order.count)].map { lengths[$0] }
            padded += (part.max() ?? 0) * part.count
            steps += part.reduce(0, +)
        }
        return padded > 0 ? 1 - Double(steps) / Double(padded) : 0
    }
}
