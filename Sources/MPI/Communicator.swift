// A group of ranks that work together.

import CMPI

/// A group of ranks, and this process's place in it. A value: copies stand for the same group.
///
/// `Job.start` returns the one of all ranks; `split`, `splitByHost` and `duplicate` make others. Methods marked
/// "Collective" must be called by every rank of the group, in the same order, with the same counts, operation and root.
/// All of them throw `MPIError`; only the main thread may call them (`Job`), so a communicator is not `Sendable`.
package struct Communicator {
    /// This process's number in the group, from 0 (MPI_Comm_rank).
    package let rank: Int
    /// How many ranks the group has (MPI_Comm_size).
    package let size: Int
    /// True on rank 0, which writes files and speaks to the terminal.
    package var isRoot: Bool { rank == 0 }

    /// The most elements that one call of MPI is given; longer buffers go in pieces, because MPI counts with Int32.
    /// Every rank must have the same. Tests set it low; a piece never exceeds 2^31 - 1 bytes, whatever stands here.
    package var pieceLength = 1 << 28 {
        didSet { precondition(pieceLength > 0, "A piece holds at least one element.") }
    }

    let handle: MPI_Comm

    /// The handle is never null: MPI names the absence of a communicator MPI_COMM_NULL, whose address is not null.
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

    /// The group of those ranks that gave the same colour, numbered by `key` (equal keys: by their rank here); nil for
    /// a rank that gave none.
    ///
    /// Collective (MPI_Comm_split). A colour is not negative; colour and key fit into Int32.
    package func split(color: Int?, key: Int) throws(MPIError) -> Communicator? {
        precondition(color ?? 0 >= 0, "A colour is not negative.")
        var made = cmpi_comm_null()
        let number = color.map { Int32($0) } ?? MPI_UNDEFINED
        try waiting("MPI_Comm_split") { MPI_Comm_split(handle, number, Int32(key), &made) }
        return made == cmpi_comm_null() ? nil : try Communicator(made, pieceLength: pieceLength)
    }

    /// The group of the ranks on this rank's host, more exactly: of those that can share memory, in the order they have
    /// here.
    ///
    /// Collective (MPI_Comm_split_type with MPI_COMM_TYPE_SHARED).
    package func splitByHost() throws(MPIError) -> Communicator {
        var made = cmpi_comm_null()
        try waiting("MPI_Comm_split_type") {
            MPI_Comm_split_type(handle, Int32(MPI_COMM_TYPE_SHARED), Int32(rank), cmpi_info_null(), &made)
        }
        return try Communicator(made, pieceLength: pieceLength)
    }

    /// The same ranks once more, whose messages never meet this communicator's.
    ///
    /// Collective (MPI_Comm_dup).
    package func duplicate() throws(MPIError) -> Communicator {
        var made = cmpi_comm_null()
        try waiting("MPI_Comm_dup") { MPI_Comm_dup(handle, &made) }
        return try Communicator(made, pieceLength: pieceLength)
    }

    /// Gives back what MPI holds for a communicator that was split off or duplicated. No copy of it may be used
    /// afterwards; that of all ranks cannot be freed.
    ///
    /// Collective (MPI_Comm_free).
    package func free() throws(MPIError) {
        var ended: MPI_Comm? = handle
        try waiting("MPI_Comm_free") { MPI_Comm_free(&ended) }
    }
}
