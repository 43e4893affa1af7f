import Kernels
package import MPI
import System
package import Tensors

/// The blocks of floats that training uses, and which of them the ranks of a host share.
///
/// Shared (`communication.averaging: auto`): one window for each host holds the gradients of each of its ranks, which
/// the other ranks read, one block of parameters, one of packed weights, and one for each slot of optimiser state;
/// every rank updates and packs a part of these. No summed gradient is copied, and a host holds parameters and state
/// once. Otherwise, and if there is only one rank, all blocks are private to each rank.
package struct StepMemory {
    package let parameters: FloatBlock
    /// This rank's gradients; sums over ranks are written to the first block.
    package let gradients: GradientBlocks
    /// The rows of the embedding that this rank's gradients reach in a step. They are recorded while the gradients are
    /// computed or, with tree sums, before the step.
    package let touchedRows: RowSet
    /// Optimiser state.
    package let slots: [FloatBlock]
    /// The reason why nothing is shared although sharing was requested; nil otherwise.
    package let refusal: String?
    package let sharing: Sharing?
    package let chunkSums: ChunkSums
    /// Whether there are ranks with parameters and gradients that others can't access: on several hosts, or without
    /// shared memory.
    package var isApart: Bool { communicator.size > 1 && sharing?.hosts.count != 1 }
    private let communicator: Communicator
    private let hosts: Hosts
    private let sumsByTree: Bool

    /// The memory that the ranks of a host share.
    package struct Sharing {
        package let hosts: Hosts
        let window: SharedWindow
        /// The gradient blocks of this host's ranks, by rank; each has as many as the rank needs.
        package let gradients: [UnsafeMutablePointer<Float>]
        /// The rows of the embedding's gradient that each rank has touched in a step.
        package let touchedRows: [RowSet]
        /// The packed weights.
        package let packed: FloatBlock

        /// Returns when all ranks of the host have called it. Collective over the host (MPI_Barrier if there are
        /// several hosts).
        package func meet() throws {
            // Messages between hosts may still be in transit, and only MPI calls progress them.
            if hosts.count > 1 { try hosts.host.barrier() } else { window.barrier() }
        }
    }

    /// All blocks are filled with zeros. Collective (MPI_Win_allocate_shared on each host if memory is shared; no call
    /// otherwise).
    ///
    /// - Parameters:
    ///   - layout: of a block.
    ///   - gradientBlocks: the number that this rank needs, and the floats from one to the next.
    ///   - embedding: shape of the matrix that a block begins with.
    ///   - packed: the number of floats of the packed weights.
    ///   - slots: the number of blocks of optimiser state.
    package init(
        _ communicator: Communicator, _ hosts: Hosts, _ layout: TensorLayout, gradientBlocks: (count: Int, stride: Int),
        embedding: (rows: Int, width: Int), packed: Int, slots: Int, averaging: ReductionOptions.Averaging, byTree: Bool
    ) throws {
        self.communicator = communicator
        self.hosts = hosts
        sumsByTree = byTree
        let count = layout.count
        var refusal: String?
        if averaging == .auto && communicator.size > 1 {
            let gradientCounts = try hosts.host.allgather(Int64(gradientBlocks.count)).map { Int($0) }
            let plan = WindowLayout(
                count: count, chunkSums: ChunkSums.count(of: layout),
                gradientCount: gradientCounts[hosts.host.rank] * gradientBlocks.stride,
                gradientCountOfFirst: gradientCounts[0] * gradientBlocks.stride, embeddingRows: embedding.rows,
                packed: packed, slots: slots)
            let outcome = Result {
                try SharedWindow(on: hosts.host, bytes: hosts.host.isRoot ? plan.bytesOfFirst : plan.localBytes)
            }
            do {
                let window = try communicator.agree { try outcome.get() }
                let localGradients: FloatBlock
                (parameters, localGradients, self.slots) = plan.blocks(window)
                let touchedRows = plan.touchedRows(window)
                gradients = GradientBlocks(
                    memory: localGradients, stride: gradientBlocks.stride,
                    rows: GradientBlocks.rows(
                        gradientBlocks.count, embedding: embedding,
                        touched: byTree ? nil : touchedRows[hosts.host.rank]))
                self.touchedRows = touchedRows[hosts.host.rank]
                sharing = Sharing(
                    hosts: hosts, window: window, gradients: plan.gradients(window), touchedRows: touchedRows,
                    packed: plan.packed(window))
                chunkSums = ChunkSums(layout, borrowing: plan.chunkSums(window), owner: window)
                self.refusal = nil
                return
            } catch let failure as AgreedFailure {
                // Either all ranks of a host have a window, or none has.
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
        chunkSums = ChunkSums(layout)
        sharing = nil
        self.refusal = refusal
    }

    /// The MPI function that sums where no memory is shared.
    package var messages: String { sumsByTree ? "MPI_Alltoallv" : sharing == nil ? "MPI_Allreduce" : "MPI_Iallreduce" }

    /// A short description of the reduction of gradients.
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

    /// Calls `body`, which writes to parameters or optimiser state, on one of the ranks that share them; all others
    /// return when it is done. A failure on one rank is thrown on all. Collective (MPI_Allreduce).
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

    /// The number of this rank's host: the lowest of the ranks that share memory with this one. Collective over the
    /// host (MPI_Bcast).
    func hostNumber() throws -> Int {
        guard sharing != nil else { return communicator.rank }
        return Int(try hosts.host.broadcast(Int64(communicator.rank), root: 0))
    }

    /// A gradient block of this rank, or of one that shares memory with it.
    ///
    /// - Parameter hostOfRank: every rank's `hostNumber`.
    func gradientBlock(_ block: Int, ofRank rank: Int, _ hostOfRank: [Int]) -> UnsafePointer<Float> {
        guard let sharing else { return UnsafePointer(gradients.pointer(block)) }
        let number = hostOfRank[..<rank].count { $0 == hostOfRank[rank] }
        return UnsafePointer(sharing.gradients[number] + block * gradients.stride)
    }

    private var isWriter: Bool { sharing == nil || hosts.host.isRoot }

    /// Frees the window; the blocks and everything made from them must not be used afterwards.
    ///
    /// Collective (MPI_Win_free) if memory is shared. A program that ends with an error leaves this to the operating
    /// system.
    package func free() throws {
        try sharing?.window.free()
    }
}
