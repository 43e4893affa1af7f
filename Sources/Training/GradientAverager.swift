import Kernels
package import MPI
package import Recurrent
package import Tensors

/// Sums gradients, losses and counts over all ranks and divides once, so that ranks that hold different amounts of work
/// average correctly.
package struct GradientAverager {
    private let communicator: Communicator
    private let gradients: FloatBlock
    /// Loss, scored steps, steps, whether the root wishes a checkpoint, then an error a sequence.
    private var sums: [Double]
    private static let fixed = 4

    /// The figures of a step over all ranks.
    package struct Total {
        package var tally = Tally()
        /// Steps of all sequences, scored or not.
        package var steps = 0
        package var wishesCheckpoint = false
        /// Euclidean norm of the averaged gradient.
        package var gradientNorm = 0.0
    }

    /// - Parameter sequences: rows of the largest step, for tasks that want each sequence's error; else 0.
    package init(_ communicator: Communicator, gradients: FloatBlock, sequences: Int) {
        self.communicator = communicator
        self.gradients = gradients
        sums = [Double](repeating: 0, count: Self.fixed + sequences)
    }

    /// Errors of the step's sequences over all ranks, after `sum`.
    package var sequenceErrors: ArraySlice<Double> { sums[Self.fixed...] }

    /// Sums over ranks; the gradients stay sums. Collective (MPI_Allreduce, twice).
    package mutating func sum(
        _ tally: Tally, steps: Int, sequenceErrors: [Float], firstSequence: Int, wishesCheckpoint: Bool
    ) throws -> Total {
        for index in sums.indices { sums[index] = 0 }
        sums[0] = tally.loss
        sums[1] = Double(tally.scored)
        sums[2] = Double(steps)
        sums[3] = wishesCheckpoint ? 1 : 0
        for (index, error) in sequenceErrors.enumerated() where Self.fixed + firstSequence + index < sums.count {
            sums[Self.fixed + firstSequence + index] = Double(error)
        }
        let communicator = communicator
        try sums.withUnsafeMutableBufferPointer { try communicator.allreduce($0, .sum) }
        try communicator.allreduce(gradients.buffer, .sum)
        var total = Total()
        total.tally.loss = sums[0]
        total.tally.scored = Int(sums[1])
        total.steps = Int(sums[2])
        total.wishesCheckpoint = sums[3] > 0
        return total
    }

    /// Divides the summed gradients by the count and scales them to a norm of at most `clipNorm` (0: any), in one pass.
    /// Returns the norm before clipping. Source: Pascanu et al. (2013), algorithm 1; the 1e-6 is PyTorch's.
    package func divideAndClip(by count: Int, to clipNorm: Double) -> Double {
        let divisor = Double(max(count, 1))
        let norm = gradients.buffer.sumOfSquares.squareRoot() / divisor
        let clip = clipNorm > 0 ? min(1, clipNorm / (norm + 1e-6)) : 1
        gradients.buffer.scale(by: Float(clip / divisor))
        return norm
    }
}
