import Foundation
import MPI
import Training

/// The memory of a host that its ranks share.
enum HostMemory {
    /// Sees to it that each rank of every host can have so many bytes. Collective (MPI_Comm_split_type, MPI_Allreduce).
    ///
    /// - Parameter what: what needs them and how to need less, as the beginning and the end of a sentence.
    static func require(_ bytes: Int, on communicator: Communicator, for what: (need: String, cure: String)) throws {
        let host = try communicator.splitByHost()
        let ranks = host.size
        try host.free()
        try communicator.agree {
            guard let available, bytes * ranks > available else { return }
            let text = { (bytes: Int) in MemoryEstimate.text(Double(bytes)) }
            throw TrainingError.usage(
                "\(what.need) \(text(bytes)) on each of \(counted(ranks, "rank")) of a host that has \(text(available)) "
                    + "available; accepted: \(what.cure)")
        }
    }

    /// Bytes that could be had without pushing others out; nil where the kernel doesn't say.
    private static var available: Int? {
        let lines = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let words = lines.first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ") ?? []
        return words.count > 1 ? Int(words[1]).map { $0 * 1024 } : nil
    }
}
