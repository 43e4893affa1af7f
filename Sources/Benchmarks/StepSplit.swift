import MPI
import System
import Training

/// The shares of the steps' time by activity, as means over all ranks.
package struct StepSplit: Sendable {
    /// Forward and backward passes.
    package let compute: Double
    /// The sums over ranks and the norm, without waiting for the last rank.
    package let averaging: Double
    /// Waiting for ranks that took longer for their part of a step.
    package let waiting: Double
    package let update: Double

    package init(compute: Double, averaging: Double, waiting: Double, update: Double) {
        self.compute = compute
        self.averaging = averaging
        self.waiting = waiting
        self.update = update
    }

    /// - Parameter seconds: the time of each step on this rank. Collective (MPI_Allreduce).
    init(_ summaries: [Trainer.StepSummary], seconds: [Double], on communicator: Communicator) throws {
        let parts = [
            summaries.reduce(0) { $0 + $1.computeSeconds }, summaries.reduce(0) { $0 + $1.averagingSeconds },
            summaries.reduce(0) { $0 + $1.waitingSeconds }, summaries.reduce(0) { $0 + $1.updateSeconds },
        ]
        let total = seconds.reduce(0, +)
        let shares = try communicator.allreduce(parts.map { $0 / total / Double(communicator.size) }, .sum)
        (compute, averaging, waiting, update) = (shares[0], shares[1], shares[2], shares[3])
    }
}
