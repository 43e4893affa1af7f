import MPI
import Training

/// Where the time of steps went, as shares of it, in the mean over all ranks.
package struct StepSplit: Sendable {
    /// Forward and backward.
    package let compute: Double
    /// The sums over ranks, without the time to wait for the last of them.
    package let averaging: Double
    /// For ranks that computed for longer.
    package let waiting: Double
    package let update: Double

    package init(compute: Double, averaging: Double, waiting: Double, update: Double) {
        self.compute = compute
        self.averaging = averaging
        self.waiting = waiting
        self.update = update
    }

    /// - Parameter seconds: of each step, on this rank. Collective (MPI_Allreduce).
    init(_ summaries: [Trainer.StepSummary], seconds: [Double], on communicator: Communicator) throws {
        let waits = try Self.waits(summaries, communicator)
        let averaging = summaries.reduce(0) { $0 + $1.communicationSeconds } - waits
        let parts = [
            summaries.reduce(0) { $0 + $1.computeSeconds }, averaging, waits,
            summaries.reduce(0) { $0 + $1.updateSeconds },
        ]
        let total = seconds.reduce(0, +)
        let shares = try communicator.allreduce(parts.map { $0 / total / Double(communicator.size) }, .sum)
        (compute, self.averaging, waiting, update) = (shares[0], shares[1], shares[2], shares[3])
    }

    /// Seconds of all steps that this rank waited. The trainer times sums and waiting as one; since the ranks leave a sum
    /// together, and so begin the next step together, each waits for as long as the slowest computes longer than it.
    private static func waits(_ summaries: [Trainer.StepSummary], _ communicator: Communicator) throws -> Double {
        let slowest = try communicator.allreduce(summaries.map(\.computeSeconds), .maximum)
        return zip(summaries, slowest).reduce(0) { sum, step in
            sum + min(step.1 - step.0.computeSeconds, step.0.communicationSeconds)
        }
    }
}
