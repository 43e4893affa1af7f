package import MPI
import System
package import Tensors

/// The comparison of the ranks' parameters, which must be the same bits everywhere: a rank whose memory or arithmetic has failed
/// would spoil all others' weights without a word. A hash of each rank's rides in the sums of a step.
package struct ParameterCheck {
    private let communicator: Communicator
    private let memory: StepMemory
    private let layout: TensorLayout

    package init(_ communicator: Communicator, _ memory: StepMemory, _ layout: TensorLayout) {
        self.communicator = communicator
        self.memory = memory
        self.layout = layout
    }

    /// Whether ranks have parameters of their own at all.
    package var isNeeded: Bool { memory.isApart }

    /// Of this rank's parameters.
    package func hash() -> Double { Double(memory.parameters.hash(0..<layout.count)) }

    /// Does nothing if all ranks have the same hash. Collective (MPI_Allgather, MPI_Bcast) if not.
    ///
    /// - Parameter hashes: of all ranks.
    /// - Throws: a `CommandError`, the same on every rank, that names a rank and the first tensor that differs.
    package func compare(_ hashes: [Double], step: Int) throws {
        guard let first = hashes.first, hashes.contains(where: { $0 != first }) else { return }
        // What most ranks have counts as right; of two that differ, rank 0's.
        let counts = hashes.map { hash in hashes.count { $0 == hash } }
        let right = hashes[counts.firstIndex(of: counts.max() ?? 0) ?? 0]
        let rank = hashes.firstIndex { $0 != right } ?? 0
        let other = hashes.firstIndex(of: right) ?? 0
        var differing = "none: they are equal again"
        for tensor in layout.tensors {
            let all = try communicator.allgather(Int64(memory.parameters.hash(tensor.range)))
            guard all[rank] == all[other] else {
                differing = tensor.name
                break
            }
        }
        let host = try communicator.broadcast(Job.hostName, root: rank)
        throw CommandError.failure(
            "step \(step): the parameters of rank \(rank) on \(host) are not those of rank \(other); the first tensor that "
                + "differs: \(differing). Memory or a core of that host may be failing. Training has stopped and written "
                + "nothing since; the last checkpoint is good"
        ).everywhere
    }
}

extension FloatBlock {
    /// A hash of every bit of a range, exact in a Double: 52 bits. Ranks compare it with each other's.
    package func hash(_ range: Range<Int>) -> UInt64 { Hash64(UnsafeRawBufferPointer(self[range])).value >> 12 }
}
