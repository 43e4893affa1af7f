import Kernels
package import MPI
import System
package import Tensors

/// The blocks of floats that a training works on, and which of them the ranks of a host have in common.
///
/// Shared (`communication.averaging: auto`): in one window a host lie the gradients of each of its ranks, which the others
/// read, one block of parameters, one of the packed weights, and one of each slot of optimiser state; every rank updates and
/// packs a part of these. So no averaged gradient is copied, and a host holds parameters and state once. Otherwise, and where
/// there is one rank in all, each rank has all blocks to itself.
package struct StepMemory {
    package let parameters: FloatBlock
    /// This rank's; sums over the ranks are put into the first of the blocks.
    package let gradients: GradientBlocks
    /// The rows of the embedding that this rank's gradients reach in a step: they note them themselves, or, where sums go by the
    /// tree, before the step.
    package let touchedRows: RowSet
    /// Optimiser state.
    package let slots: [FloatBlock]
    /// Why nothing is shared although it was asked for.
    package let refusal: String?
    package let sharing: Sharing?
    /// Whether ranks have parameters and gradients that others don't see: of several hosts, or without shared memory.
    package var isApart: Bool { communicator.size > 1 && sharing?.hosts.count != 1 }
    private let communicator: Communicator
    private let hosts: Hosts
    private let sumsByTree: Bool

    /// What the ranks of a host have in common.
    package struct Sharing {
        package let hosts: Hosts
        let window: SharedWindow
        /// The gradient blocks of this host's ranks, by rank: each as many as the rank needs.
        package let gradients: [UnsafeMutablePointer<Float>]
        /// The rows of the embedding's gradient that each of them has touched in a step.
        package let touchedRows: [RowSet]
        /// The packed weights.
        package let packed: FloatBlock
        /// Sums of squares of the summed gradients, one for each `PartialSum.length` floats of a block.
        let squares: UnsafeMutableBufferPointer<Double>

        /// Returns when all ranks of the host have come here. Collective over the host.
        package func meet() throws {
            // Between hosts messages may still be on their way, which only calls of MPI move on.
            if hosts.count > 1 { try hosts.host.barrier() } else { window.barrier() }
        }
    }

    /// Zeros in all blocks. Collective (MPI_Win_allocate_shared on each host, or nothing).
    ///
    /// - Parameters:
    ///   - count: floats of a block.
    ///   - gradientBlocks: how many this rank needs, and floats from one to the next.
    ///   - embedding: shape of the matrix that a block begins with.
    ///   - packed: floats of the packed weights.
    ///   - slots: blocks of optimiser state.
    package init(
        _ communicator: Communicator, _ hosts: Hosts, count: Int, gradientBlocks: (count: Int, stride: Int),
        embedding: (rows: Int, width: Int), packed: Int, slots: Int, averaging: ReductionOptions.Averaging, byTree: Bool
    ) throws {
        self.communicator = communicator
        self.hosts = hosts
        sumsByTree = byTree
        var refusal: String?
        if averaging == .auto && communicator.size > 1 {
            let gradientCounts = try hosts.host.allgather(Int64(gradientBlocks.count)).map { Int($0) }
            let plan = WindowLayout(
                count: count, gradientCount: gradientCounts[hosts.host.rank] * gradientBlocks.stride,
                gradientCountOfFirst: gradientCounts[0] * gradientBlocks.stride, embeddingRows: embedding.rows,
                packed: packed, slots: slots)
            let outcome = Result {
                try SharedWindow(on: hosts.host, bytes: hosts.host.isRoot ? plan.bytesOfFirst : plan.bytesOfOwn)
            }
            do {
                let window = try communicator.agree { try outcome.get() }
                let own: FloatBlock
                (parameters, own, self.slots) = plan.blocks(window)
                let touchedRows = plan.touchedRows(window)
                gradients = GradientBlocks(
                    memory: own, stride: gradientBlocks.stride,
                    rows: GradientBlocks.rows(
                        gradientBlocks.count, embedding: embedding,
                        touched: byTree ? nil : touchedRows[hosts.host.rank]))
                self.touchedRows = touchedRows[hosts.host.rank]
                sharing = Sharing(
                    hosts: hosts, window: window, gradients: plan.gradients(window), touchedRows: touchedRows,
                    packed: plan.packed(window), squares: plan.squares(window))
                self.refusal = nil
                return
            } catch let failure as AgreedFailure {
                // The ranks of a host have a window or have none all together.
                if case .success(let window) = outcome { try window.free() }
                refusal = failure.message
            }
        }
        parameters = FloatBlock(count: count)
        touchedRows = RowSet(rows: embedding.rows)
        gradients = GradientBlocks(
            gradientBlocks.count, stride: gradientBlocks.stride, embedding: embedding,
            touched: byTree ? nil : touchedRows)
        self.slots = (0..<slots).map { _ in FloatBlock(count: count) }
        sharing = nil
        self.refusal = refusal
    }

    /// How sums travel where no memory is shared.
    package var messages: String { sumsByTree ? "MPI_Alltoallv" : sharing == nil ? "MPI_Allreduce" : "MPI_Iallreduce" }

    /// How gradients are averaged, in a few words.
    package var averaging: String {
        guard let sharing else { return communicator.size == 1 ? "none, one rank" : "\(messages) over all ranks" }
        let hosts = sharing.hosts
        let ranks =
            hosts.fewestRanks == hosts.mostRanks
            ? counted(hosts.mostRanks, "rank") : "\(hosts.fewestRanks) to \(counted(hosts.mostRanks, "rank"))"
        if hosts.count == 1 { return "shared window, \(ranks)" }
        return hosts.mostRanks == 1
            ? "\(messages) between \(hosts.count) hosts of one rank"
            : "shared windows on \(hosts.count) hosts, \(ranks) each, and \(messages) between them"
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

    /// A number for the ranks that share memory with this one: the lowest of these ranks. Collective over the host (MPI_Bcast).
    func hostNumber() throws -> Int {
        guard sharing != nil else { return communicator.rank }
        return Int(try hosts.host.broadcast(Int64(communicator.rank), root: 0))
    }

    /// A gradient block of a rank that shares memory with this one, or of this rank.
    ///
    /// - Parameter hostOfRank: every rank's `hostNumber`.
    func gradientBlock(_ block: Int, ofRank rank: Int, _ hostOfRank: [Int]) -> UnsafePointer<Float> {
        guard let sharing else { return UnsafePointer(gradients.pointer(block)) }
        let number = hostOfRank[..<rank].count { $0 == hostOfRank[rank] }
        return UnsafePointer(sharing.gradients[number] + block * gradients.stride)
    }

    private var isWriter: Bool { sharing == nil || hosts.host.isRoot }

    /// Gives the window back; the blocks and all that was made from them are of no use afterwards.
    ///
    /// Collective (MPI_Win_free) where anything is shared. A program that ends in an error leaves it to the system.
    package func free() throws {
        try sharing?.window.free()
    }
}
