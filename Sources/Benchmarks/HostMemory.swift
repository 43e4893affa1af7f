import MPI
import System

extension HostMemory {
    /// Sees to it that each rank of every host can have so many bytes. Collective (MPI_Comm_split_type, MPI_Allreduce).
    ///
    /// - Parameter what: what needs them and how to need less, as the beginning and the end of a sentence.
    static func require(_ bytes: Int, on communicator: Communicator, for what: (need: String, cure: String)) throws {
        let host = try communicator.splitByHost()
        let ranks = host.size
        try host.free()
        try communicator.agree {
            guard let available, bytes * ranks > available else { return }
            let text = { (bytes: Int) in byteCount(Double(bytes)) }
            throw CommandError.usage(
                "\(what.need) \(text(bytes)) on each of \(counted(ranks, "rank")) of a host that has \(text(available)) "
                    + "available; accepted: \(what.cure)")
        }
    }
}
