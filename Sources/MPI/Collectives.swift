// Reductions and broadcasts of buffers, in pieces that MPI can count.
//
// A buffer is the caller's memory. An empty one costs no call, and so no waiting for the others either.

import CMPI

extension Communicator {
    /// Combines the ranks' buffers element by element and leaves the result in all of them.
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

    /// Combines the ranks' buffers element by element and leaves the result in `root`'s; the others keep theirs.
    ///
    /// Collective (MPI_Reduce, in place at the root); all buffers have the same count.
    package func reduce<T: MPIElement>(
        _ buffer: UnsafeMutableBufferPointer<T>, _ operation: Reduction, root: Int
    ) throws(MPIError) {
        try inPieces(buffer) { piece, count throws(MPIError) in
            try waiting("MPI_Reduce") {
                MPI_Reduce(
                    rank == root ? cmpi_in_place() : UnsafeMutableRawPointer(piece), rank == root ? piece : nil, count,
                    T.mpiKind.datatype, operation.operation, number(root), handle)
            }
        }
    }

    /// Copies `root`'s buffer into all others.
    ///
    /// Collective (MPI_Bcast); all buffers have the same count.
    package func broadcast<T: MPIElement>(_ buffer: UnsafeMutableBufferPointer<T>, root: Int) throws(MPIError) {
        try inPieces(buffer) { piece, count throws(MPIError) in
            try waiting("MPI_Bcast") { MPI_Bcast(piece, count, T.mpiKind.datatype, number(root), handle) }
        }
    }

    /// Returns when every rank has come here.
    ///
    /// Collective (MPI_Barrier).
    package func barrier() throws(MPIError) {
        try waiting("MPI_Barrier") { MPI_Barrier(handle) }
    }

    /// Calls `body` with the start and the count of one piece of `buffer` after another; for an empty buffer, never.
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

    /// `pieceLength`, or less where its bytes would not fit into Int32 (some transports count bytes).
    func longestPiece<T: MPIElement>(of type: T.Type) -> Int {
        min(pieceLength, Int(Int32.max) / MemoryLayout<T>.stride)
    }

    /// A rank as MPI counts it. One beyond Int32 becomes Int32's largest, which MPI refuses like any rank that is not
    /// there.
    func number(_ rank: Int) -> Int32 { Int32(clamping: rank) }
}
