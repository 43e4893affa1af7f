import Tensors

/// The memory of a `ConditionalRandomField` for one batch. Legend: K labels, T time steps of a sequence.
final class ChainMemory {
    /// In Double, because products of probabilities leave Float's range.
    private var doubles = UnsafeMutableBufferPointer<Double>.allocate(capacity: 0)
    private var floats = FloatBlock(count: 0)
    private var pointers = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 0)

    deinit {
        doubles.deallocate()
        pointers.deallocate()
    }

    /// Floats of all of it, counting a Double as two.
    static func floatCount(labels: Int, longest: Int, sequences: Int) -> Int {
        2 * doubleCount(labels, longest) + floatCount(labels, sequences) + longest * labels
    }

    private static func doubleCount(_ labels: Int, _ longest: Int) -> Int {
        4 * labels * labels + 4 * labels + 5 * longest * labels
    }

    private static func floatCount(_ labels: Int, _ sequences: Int) -> Int {
        (1 + SumTree.mostPending(leaves: sequences)) * Chain.sumCount(labels: labels)
    }

    /// The parts of the memory, large enough for these sequences.
    func chain(labels: Int, longest: Int, sequences: Int) -> Chain {
        let count = Self.doubleCount(labels, longest)
        if doubles.count < count {
            doubles.deallocate()
            doubles = .allocate(capacity: count)
        }
        if pointers.count < longest * labels {
            pointers.deallocate()
            pointers = .allocate(capacity: longest * labels)
        }
        let sums = Self.floatCount(labels, sequences)
        if floats.count < sums { floats = FloatBlock(count: sums) }
        // Allocated with at least one element: there is a label and a step.
        return Chain(
            labels: labels, longest: longest, memory: doubles.baseAddress.unsafelyUnwrapped,
            pointers: pointers.baseAddress.unsafelyUnwrapped, sums: floats.pointer)
    }
}
