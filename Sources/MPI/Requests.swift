// Collectives that go on while the ranks compute.

import CMPI

/// A collective under way. Whoever began it must `wait` for it, or `test` it until that says true: until then its
/// buffer belongs to MPI and may be neither touched nor freed. A request that is dropped goes on writing into its
/// buffer.
///
/// MPI advances it only inside calls of MPI: to overlap it with computation, call `test` between the parts of that.
package final class Request {
    private var pieces: [MPI_Request?] = []
    private var finished = 0

    fileprivate init() {}

    /// Adds the piece that `begin` starts.
    fileprivate func add(_ call: String, _ begin: (UnsafeMutablePointer<MPI_Request?>) -> Int32) throws(MPIError) {
        var piece: MPI_Request? = cmpi_request_null()
        try check(call, begin(&piece))
        pieces.append(piece)
    }

    /// Lets MPI work on it and returns whether it is complete; then, its buffer belongs to the caller again.
    ///
    /// Not collective (MPI_Test). It may be called any number of times, also afterwards.
    package func test() throws(MPIError) -> Bool {
        while finished < pieces.count {
            var isComplete: Int32 = 0
            try check("MPI_Test", MPI_Test(&pieces[finished], &isComplete, cmpi_status_ignore()))
            guard isComplete != 0 else { return false }
            finished += 1
        }
        return true
    }

    /// Returns when it is complete; then, its buffer belongs to the caller again.
    ///
    /// Not collective (MPI_Wait), but it returns only when the other ranks have begun the same. It may be called again.
    package func wait() throws(MPIError) {
        while finished < pieces.count {
            try waiting("MPI_Wait") { MPI_Wait(&pieces[finished], cmpi_status_ignore()) }
            finished += 1
        }
    }
}

extension Communicator {
    /// Begins what `allreduce` does, and returns before it is done.
    ///
    /// Collective (MPI_Iallreduce, in place, one for each piece): every rank begins its collectives in the same order,
    /// but may wait for them in any.
    package func beginAllreduce<T: MPIElement>(
        _ buffer: UnsafeMutableBufferPointer<T>, _ operation: Reduction
    ) throws(MPIError) -> Request {
        let request = Request()
        try inPieces(buffer) { piece, count throws(MPIError) in
            try request.add("MPI_Iallreduce") {
                MPI_Iallreduce(
                    cmpi_in_place(), piece, count, T.mpiKind.datatype, operation.operation, handle, $0)
            }
        }
        return request
    }

    /// Begins what `broadcast` does, and returns before it is done. The root may read its buffer meanwhile, not write
    /// it.
    ///
    /// Collective (MPI_Ibcast, one for each piece), in the order in which all ranks begin theirs.
    package func beginBroadcast<T: MPIElement>(
        _ buffer: UnsafeMutableBufferPointer<T>, root: Int
    ) throws(MPIError) -> Request {
        let request = Request()
        try inPieces(buffer) { piece, count throws(MPIError) in
            try request.add("MPI_Ibcast") { MPI_Ibcast(piece, count, T.mpiKind.datatype, number(root), handle, $0) }
        }
        return request
    }

    /// Says that this rank has come here; the request is complete when every rank has.
    ///
    /// Collective (MPI_Ibarrier), in the order in which all ranks begin theirs.
    package func beginBarrier() throws(MPIError) -> Request {
        let request = Request()
        try request.add("MPI_Ibarrier") { MPI_Ibarrier(handle, $0) }
        return request
    }
}
