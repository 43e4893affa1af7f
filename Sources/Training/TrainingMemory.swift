import Kernels
package import MPI
package import Tensors

/// The blocks of floats that a training works on, and which of them the ranks of a host have in common.
///
/// Shared (`communication.averaging: auto`): in one window a host lie the gradients of each of its ranks, which the others
/// read, one block of parameters, and one block of each slot of optimiser state; every rank updates a part of these. So no
/// averaged gradient is copied, and a host holds parameters and state once. Otherwise, and where there is one rank in all,
/// each rank has all blocks to itself.
package struct TrainingMemory {
    package let parameters: FloatBlock
    /// This rank's.
    package let gradients: FloatBlock
    /// Optimiser state.
    package let slots: [FloatBlock]
    /// Why nothing is shared although it was asked for.
    package let refusal: String?
    let sharing: Sharing?
    private let communicator: Communicator
    private let hosts: Hosts

    /// What the ranks of a host have in common.
    struct Sharing {
        let hosts: Hosts
        let window: SharedWindow
        /// The gradients of this host's ranks, by rank.
        let gradients: [UnsafePointer<Float>]
        /// Sums of squares of the summed gradients, one for each `PartialSum.length` floats of a block.
        let squares: UnsafeMutableBufferPointer<Double>
    }

    /// Zeros in all blocks. Collective (MPI_Win_allocate_shared on each host, or nothing).
    ///
    /// - Parameters:
    ///   - count: floats of a block.
    ///   - slots: blocks of optimiser state.
    package init(
        _ communicator: Communicator, _ hosts: Hosts, count: Int, slots: Int, averaging: Options.Averaging
    ) throws {
        self.communicator = communicator
        self.hosts = hosts
        var refusal: String?
        if averaging == .auto && communicator.size > 1 {
            let plan = Plan(count: count, slots: slots)
            let outcome = Result {
                try SharedWindow(on: hosts.host, bytes: hosts.host.isRoot ? plan.bytesOfFirst : plan.blockBytes)
            }
            do {
                let window = try communicator.agree { try outcome.get() }
                (parameters, gradients, self.slots) = plan.blocks(window)
                sharing = Sharing(
                    hosts: hosts, window: window, gradients: plan.gradients(window), squares: plan.squares(window))
                self.refusal = nil
                return
            } catch let failure as AgreedFailure {
                // The ranks of a host have a window or have none all together.
                if case .success(let window) = outcome { try window.free() }
                refusal = failure.message
            }
        }
        parameters = FloatBlock(count: count)
        gradients = FloatBlock(count: count)
        self.slots = (0..<slots).map { _ in FloatBlock(count: count) }
        sharing = nil
        self.refusal = refusal
    }

    /// How gradients are averaged, in a few words.
    package var averaging: String {
        guard let sharing else { return communicator.size == 1 ? "none, one rank" : "MPI_Allreduce over all ranks" }
        let hosts = sharing.hosts
        let ranks =
            hosts.fewestRanks == hosts.mostRanks
            ? counted(hosts.mostRanks, "rank") : "\(hosts.fewestRanks) to \(counted(hosts.mostRanks, "rank"))"
        if hosts.count == 1 { return "shared window, \(ranks)" }
        return hosts.mostRanks == 1
            ? "MPI_Iallreduce between \(hosts.count) hosts of one rank"
            : "shared windows on \(hosts.count) hosts, \(ranks) each, and MPI_Iallreduce between them"
    }

    /// Lets `body` write to parameters or optimiser state, on one rank of those that have them in common; all others
    /// return when it is done. A failure on one ends all. Collective (MPI_Allreduce).
    package func write(_ body: () throws -> Void) throws {
        try communicator.agree { if isWriter { try body() } }
        parameters.markChanged()
    }

    /// Copies the root's parameters and optimiser state to all hosts. Collective (MPI_Bcast).
    package func broadcastFromRoot() throws {
        if let writers = sharing == nil ? communicator : hosts.leaders {
            for block in [parameters] + slots { try writers.broadcast(block.buffer, root: 0) }
        }
        sharing?.window.barrier()
        parameters.markChanged()
    }

    private var isWriter: Bool { sharing == nil || hosts.host.isRoot }

    /// Gives the window back; the blocks and all that was made from them are of no use afterwards.
    ///
    /// Collective (MPI_Win_free) where anything is shared. A program that ends in an error leaves it to the system.
    package func free() throws {
        try sharing?.window.free()
    }
}

/// Where the blocks lie in the ranks' segments of a window: each segment begins with its rank's gradients; in the first
/// rank's the parameters, the optimiser state and the sums of squares follow.
private struct Plan {
    let count: Int
    let slots: Int

    /// A block begins on a page, as the window does.
    var blockBytes: Int {
        let page = SharedWindow.alignment
        return (count * MemoryLayout<Float>.stride + page - 1) / page * page
    }
    var partialSums: Int { (count + PartialSum.length - 1) / PartialSum.length }
    var bytesOfFirst: Int { blockBytes * (2 + slots) + partialSums * MemoryLayout<Double>.stride }

    private func floats(_ window: SharedWindow, of rank: Int, block: Int) -> UnsafeMutablePointer<Float> {
        UnsafeMutableRawBufferPointer(rebasing: window.segments[rank][(block * blockBytes)...])
            .bindMemory(to: Float.self).baseAddress!  // a segment has an address
    }

    func gradients(_ window: SharedWindow) -> [UnsafePointer<Float>] {
        window.segments.indices.map { UnsafePointer(floats(window, of: $0, block: 0)) }
    }

    func squares(_ window: SharedWindow) -> UnsafeMutableBufferPointer<Double> {
        let start = blockBytes * (2 + slots)
        return UnsafeMutableRawBufferPointer(
            rebasing: window.segments[0][start..<start + partialSums * MemoryLayout<Double>.stride]
        ).bindMemory(to: Double.self)
    }

    func blocks(_ window: SharedWindow) -> (parameters: FloatBlock, gradients: FloatBlock, slots: [FloatBlock]) {
        func block(_ number: Int, of rank: Int) -> FloatBlock {
            FloatBlock(borrowing: floats(window, of: rank, block: number), count: count, owner: window)
        }
        return (block(1, of: 0), block(0, of: window.host.rank), (0..<slots).map { block(2 + $0, of: 0) })
    }
}
