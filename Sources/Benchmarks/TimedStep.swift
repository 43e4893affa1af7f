import MPI
import System
import Training

extension Trainer {
    /// Makes a step. Returns the seconds from when all ranks are there until the last one has done it. Collective.
    mutating func timedStep() throws -> Double {
        try communicator.barrier()
        let start = secondsNow()
        _ = try step()
        return try communicator.allreduce(secondsNow() - start, .maximum)
    }
}
