// A communicator: a group of ranks.

import CMPI

/// A group of ranks, and this process's rank in it. A value: copies refer to the same group.
///
/// `Job.start` returns the one of all ranks; `split` and `splitByHost` make others. Methods marked
/// "Collective" must be called by every rank of the group, in the same order, with the same counts, operation and root.
/// All of them throw `MPIError`; only the main thread may call them (`Job`), so a communicator is not `Sendable`.
package struct Communicator {
    /// This process's rank in the group, from 0 (MPI_Comm_rank).
    package let rank: Int
    /// The number of ranks in the group (MPI_Comm_size).
    package let size: Int
    /// True on rank 0, which writes files and prints to the terminal.
    package var isRoot: Bool { rank == 0 }

    /// The maximum number of elements of one MPI call; longer buffers are sent in pieces, because MPI counts with
    /// Int32. Must be equal on all ranks. Tests set a small value. A piece never exceeds 2^31 - 1 bytes, whatever this
    /// value is.
    package var pieceLength = 1 << 28 {
        didSet { precondition(pieceLength > 0, "A piece holds at least one element.") }
    }

    let handle: MPI_Comm

    /// The handle is never null: MPI represents the absence of a communicator by MPI_COMM_NULL, whose address is not
    /// null.
    init(_ handle: MPI_Comm!, pieceLength: Int? = nil) throws(MPIError) {
        var rank: Int32 = 0
        var size: Int32 = 0
        try check("MPI_Comm_rank", MPI_Comm_rank(handle, &rank))
        try check("MPI_Comm_size", MPI_Comm_size(handle, &size))
        self.handle = handle
        self.rank = Int(rank)
        self.size = Int(size)
        if let pieceLength { self.pieceLength = pieceLength }
    }

    /// The group of the ranks that passed the same colour, ordered by `key` (equal keys: by their rank in this group);
    /// nil on a rank that passed no colour.
    ///
    /// Collective (MPI_Comm_split). A colour is not negative; colour and key fit into Int32.
    package func split(color: Int?, key: Int) throws(MPIError) -> Communicator? {
        precondition(color ?? 0 >= 0, "A colour is not negative.")
        var made = cmpi_comm_null()
        let number = color.map { Int32($0) } ?? MPI_UNDEFINED
        try waiting("MPI_Comm_split") { MPI_Comm_split(handle, number, Int32(key), &made) }
        return made == cmpi_comm_null() ? nil : try Communicator(made, pieceLength: pieceLength)
    }

    /// The group of the ranks on this rank's host (exactly: those that can share memory), in the order of this group.
    ///
    /// Collective (MPI_Comm_split_type with MPI_COMM_TYPE_SHARED).
    package func splitByHost() throws(MPIError) -> Communicator {
        var made = cmpi_comm_null()
        try waiting("MPI_Comm_split_type") {
            MPI_Comm_split_type(handle, Int32(MPI_COMM_TYPE_SHARED), Int32(rank), cmpi_info_null(), &made)
        }
        return try Communicator(made, pieceLength: pieceLength)
    }

    /// Frees a communicator made by `split` or `splitByHost`. No copy of it may be used afterwards. The communicator of
    /// all ranks cannot be freed.
    ///
    /// Collective (MPI_Comm_free).
    package func free() throws(MPIError) {
        var ended: MPI_Comm? = handle
        try waiting("MPI_Comm_free") { MPI_Comm_free(&ended) }
    }
}
