import Kernels
package import MPI
package import Recurrent
import Tensors

/// Sums gradients, losses and counts over all ranks, so that one division by the count averages correctly whatever the
/// ranks' shares are.
///
/// Where ranks share memory (`TrainingMemory`), each of them ends up with the sums of its own ranges, while the backward
/// pass still goes on as far as it can (`begin`); otherwise every rank gets all sums, by one MPI_Allreduce.
package final class GradientAverager {
    private let communicator: Communicator
    private let gradients: FloatBlock
    private let rows: GradientRows
    private let team: ThreadTeam
    private let reduction: SliceReduction?
    /// The ranges that this rank is to update: those that hold sums here.
    package let ownRanges: [Range<Int>]
    /// Loss, scored steps, steps, whether the root wishes a checkpoint, then an error a sequence.
    private var sums: [Double]
    private static let fixed = 4
    /// A sum of squares of each thread.
    private var squares: [Double]
    /// Spent in `begin` since the last `finish`.
    private var begunSeconds = 0.0

    /// The figures of a step over all ranks.
    package struct Total {
        package var tally = Tally()
        /// Steps of all sequences, scored or not.
        package var steps = 0
        package var wishesCheckpoint = false
        /// Euclidean norm of the averaged gradient.
        package var gradientNorm = 0.0
        /// Seconds of this rank: in sums during the backward pass and in all of them, and waiting for others.
        package var begunSeconds = 0.0
        package var averagingSeconds = 0.0
        package var waitingSeconds = 0.0

        /// What the summed gradients are to be multiplied by: divides them by the count and scales the average to a norm
        /// of at most `clipNorm` (0: any). Source: Pascanu et al. (2013), algorithm 1; the 1e-6 is PyTorch's.
        package func scale(clippingTo clipNorm: Double) -> Float {
            let clip = clipNorm > 0 ? min(1, clipNorm / (gradientNorm + 1e-6)) : 1
            return Float(clip / divisor)
        }

        fileprivate var divisor: Double { Double(max(tally.scored, 1)) }
    }

    /// - Parameters:
    ///   - team: the threads that this rank's share of sums is divided over.
    ///   - ranges: of the gradient block, in the order in which a backward pass finishes them.
    ///   - sequences: rows of the largest step, for tasks that want each sequence's error; else 0.
    package init(
        _ communicator: Communicator, _ team: ThreadTeam, _ memory: TrainingMemory, ranges: [Range<Int>], sequences: Int
    ) {
        self.communicator = communicator
        self.team = team
        gradients = memory.gradients
        rows = memory.gradientRows
        reduction = memory.sharing.map {
            SliceReduction($0, team, own: memory.gradients, rows: memory.gradientRows, ranges: ranges)
        }
        ownRanges = reduction?.ownRanges ?? [0..<memory.gradients.count]
        sums = [Double](repeating: 0, count: Self.fixed + sequences)
        squares = [Double](repeating: 0, count: team.count)
    }

    /// Errors of the step's sequences over all ranks, after `finish`.
    package var sequenceErrors: ArraySlice<Double> { sums[Self.fixed...] }

    /// Takes note that a range of this rank's gradients is final, and sums what all ranks have finished. Every rank calls
    /// it once for each range, in their order.
    package func begin(_ finished: Range<Int>) throws {
        guard let reduction else { return }
        let start = secondsNow()
        try reduction.announce(finished)
        begunSeconds += secondsNow() - start
    }

    /// Sums over ranks; the gradients stay sums. Collective (MPI_Allreduce; the gradients as `TrainingMemory` says), after
    /// `begin` for all ranges.
    package func finish(
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
        let start = secondsNow()
        try sums.withUnsafeMutableBufferPointer { try communicator.allreduce($0, .sum) }
        let met = secondsNow()  // nobody comes here before all have come

        let squaredNorm: Double
        if let reduction {
            squaredNorm = try reduction.finish()
        } else {
            if communicator.size > 1 {
                try communicator.allreduce(gradients.buffer, .sum)
                rows.filled.insertAll()  // by which rows other ranks have touched
            }
            squaredNorm = sumOfSquares()
        }
        var total = Total()
        total.tally.loss = sums[0]
        total.tally.scored = Int(sums[1])
        total.steps = Int(sums[2])
        total.wishesCheckpoint = sums[3] > 0
        total.gradientNorm = squaredNorm.squareRoot() / total.divisor
        total.begunSeconds = begunSeconds
        total.averagingSeconds = begunSeconds + secondsNow() - met
        total.waitingSeconds = met - start
        begunSeconds = 0
        return total
    }

    private func sumOfSquares() -> Double {
        let length = PartialSum.length
        let parts = 0..<(gradients.count + length - 1) / length
        squares.withUnsafeMutableBufferPointer { memory in
            let squares = memory
            team.run { thread in
                squares[thread] = 0
                for part in Shard.rows(parts, part: thread, of: team.count) {
                    var sum = PartialSum()
                    rows.forEachRange(in: part * length..<min((part + 1) * length, gradients.count)) {
                        sum.addSquares(of: gradients[$0])
                    }
                    squares[thread] += sum.value
                }
            }
        }
        return squares.reduce(0, +)
    }

    /// Returns when every rank that shares the parameters has updated its ranges. Collective.
    package func waitForUpdates() throws {
        try reduction?.wait()
    }
}
