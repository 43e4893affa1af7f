package import MPI
import System
package import Tensors

/// Compares the ranks' parameters, which must be bit-identical on all ranks: a rank with failing memory or arithmetic
/// would silently corrupt the weights of all others. Each rank's hash is reduced together with the step's sums.
package struct ParameterCheck {
    private let communicator: Communicator
    private let memory: StepMemory
    private let layout: TensorLayout

    package init(_ communicator: Communicator, _ memory: StepMemory, _ layout: TensorLayout) {
        self.communicator = communicator
        self.memory = memory
        self.layout = layout
    }

    /// Whether ranks have separate copies of the parameters.
    package var isNeeded: Bool { memory.isApart }

    /// The hash of this rank's parameters.
    package func hash() -> Double { Double(memory.parameters.hash(0..<layout.count)) }

    /// Does nothing if all ranks have the same hash. Collective (MPI_Allgather, MPI_Bcast) if not.
    ///
    /// - Parameter hashes: one for each rank.
    /// - Throws: a `CommandError`, the same on every rank, that names a rank and the first tensor that differs.
    package func compare(_ hashes: [Double], step: Int) throws {
        guard let first = hashes.first, hashes.contains(where: { $0 != first }) else { return }
        // The most frequent hash is taken as correct; if two are equally frequent, the one that occurs first.
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
            "step \(step): the parameters of rank \(rank) on \(host) differ from those of rank \(other); first differing "
                + "tensor: \(differing). Memory or a core of that host may be failing. Training has stopped and has written "
                + "nothing since; the last checkpoint is good"
        ).everywhere
    }
}

extension FloatBlock {
    /// A 52-bit hash of every bit of a range, exactly representable as a Double. Ranks compare their hashes.
    package func hash(_ range: Range<Int>) -> UInt64 { Hash64(UnsafeRawBufferPointer(self[range])).value >> 12 }
}
