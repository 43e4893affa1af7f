import MPI
import System
import Training

extension Trainer {
    /// Runs a step. Returns the seconds from when all ranks have arrived until the last one has finished it.
    /// Collective.
    mutating func timedStep() throws -> Double {
        try communicator.barrier()
        let start = secondsNow()
        _ = try step()
        return try communicator.allreduce(secondsNow() - start, .maximum)
    }
}
