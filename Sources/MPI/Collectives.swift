// Reductions and broadcasts of buffers, in pieces whose count fits MPI's Int32.
//
// A buffer is the caller's memory. For an empty buffer MPI is not called, so it does not synchronise the ranks.

import CMPI

extension Communicator {
    /// Reduces the ranks' buffers element by element; every rank's buffer receives the result.
    ///
    /// Collective (MPI_Allreduce, in place); all buffers have the same count.
    package func allreduce<T: MPIElement>(
        _ buffer: UnsafeMutableBufferPointer<T>, _ operation: Reduction
    ) throws(MPIError) {
        try inPieces(buffer) { piece, count throws(MPIError) in
            try waiting("MPI_Allreduce") {
                MPI_Allreduce(cmpi_in_place(), piece, count, T.mpiKind.datatype, operation.operation, handle)
            }
        }
    }

    /// Copies `root`'s buffer into the other ranks' buffers.
    ///
    /// Collective (MPI_Bcast); all buffers have the same count.
    package func broadcast<T: MPIElement>(_ buffer: UnsafeMutableBufferPointer<T>, root: Int) throws(MPIError) {
        try inPieces(buffer) { piece, count throws(MPIError) in
            try waiting("MPI_Bcast") { MPI_Bcast(piece, count, T.mpiKind.datatype, number(root), handle) }
        }
    }

    /// Returns when every rank has called it.
    ///
    /// Collective (MPI_Barrier).
    package func barrier() throws(MPIError) {
        try waiting("MPI_Barrier") { MPI_Barrier(handle) }
    }

    /// Calls `body` with the start and the count of each piece of `buffer` in order; not at all for an empty buffer.
    func inPieces<T: MPIElement>(
        _ buffer: UnsafeMutableBufferPointer<T>, _ body: (UnsafeMutablePointer<T>, Int32) throws(MPIError) -> Void
    ) throws(MPIError) {
        guard let start = buffer.baseAddress else { return }
        let longest = longestPiece(of: T.self)
        var done = 0
        while done < buffer.count {
            let count = min(longest, buffer.count - done)
            try body(start + done, Int32(count))
            done += count
        }
    }

    /// `pieceLength`, or less if its bytes would not fit into Int32 (some transports count bytes).
    func longestPiece<T: MPIElement>(of type: T.Type) -> Int {
        min(pieceLength, Int(Int32.max) / MemoryLayout<T>.stride)
    }

    /// The rank as Int32. A rank outside Int32 is clamped to it, which MPI refuses like any rank that does not exist.
    func number(_ rank: Int) -> Int32 { Int32(clamping: rank) }
}
