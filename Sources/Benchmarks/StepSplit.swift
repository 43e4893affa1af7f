import MPI
import System
import Training

/// Where the time of steps went, as shares of it, in the mean over all ranks.
package struct StepSplit: Sendable {
    /// Forward and backward.
    package let compute: Double
    /// The sums over ranks and the norm, without the time to wait for the last of them.
    package let averaging: Double
    /// For ranks that were longer at their part of a step.
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
        let parts = [
            summaries.reduce(0) { $0 + $1.computeSeconds }, summaries.reduce(0) { $0 + $1.averagingSeconds },
            summaries.reduce(0) { $0 + $1.waitingSeconds }, summaries.reduce(0) { $0 + $1.updateSeconds },
        ]
        let total = seconds.reduce(0, +)
        let shares = try communicator.allreduce(parts.map { $0 / total / Double(communicator.size) }, .sum)
        (compute, averaging, waiting, update) = (shares[0], shares[1], shares[2], shares[3])
    }
}
