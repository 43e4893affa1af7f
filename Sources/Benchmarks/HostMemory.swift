import MPI
import System

extension HostMemory {
    /// Throws unless each rank of every host can allocate `bytes`. Collective (MPI_Comm_split_type, MPI_Allreduce).
    ///
    /// - Parameter what: the beginning of the message (what needs the memory) and its end (how to need less).
    static func require(_ bytes: Int, on communicator: Communicator, for what: (need: String, cure: String)) throws {
        let host = try communicator.splitByHost()
        let ranks = host.size
        try host.free()
        try communicator.agree {
            guard let available, bytes * ranks > available else { return }
            let text = { (bytes: Int) in byteCount(Double(bytes)) }
            throw CommandError.usage(
                "\(what.need) \(text(bytes)) on each of \(counted(ranks, "rank")) of a host that has \(text(available)) "
                    + "available; \(what.cure)")
        }
    }
}
