// Non-blocking collectives.

import CMPI

/// A non-blocking collective in progress. The caller must `wait` for it, or `test` it until that returns true: until
/// then the buffer belongs to MPI and must not be accessed or freed. Dropping a request does not stop MPI from writing
/// into the buffer.
///
/// MPI makes progress only inside MPI calls: to overlap a request with computation, call `test` between parts of the
/// computation.
package final class Request {
    private var pieces: [MPI_Request?] = []
    private var finished = 0

    fileprivate init() {}

    /// Starts a piece by calling `begin`, and adds it.
    fileprivate func add(_ call: String, _ begin: (UnsafeMutablePointer<MPI_Request?>) -> Int32) throws(MPIError) {
        var piece: MPI_Request? = cmpi_request_null()
        try check(call, begin(&piece))
        pieces.append(piece)
    }

    /// Lets MPI make progress and returns whether the request is complete. If so, the buffer belongs to the caller
    /// again.
    ///
    /// Not collective (MPI_Test). May be called any number of times, also after completion.
    package func test() throws(MPIError) -> Bool {
        while finished < pieces.count {
            var isComplete: Int32 = 0
            try check("MPI_Test", MPI_Test(&pieces[finished], &isComplete, cmpi_status_ignore()))
            guard isComplete != 0 else { return false }
            finished += 1
        }
        return true
    }

    /// Returns when the request is complete; then the buffer belongs to the caller again.
    ///
    /// Not collective (MPI_Wait), but it returns only after the other ranks have begun the same collective. May be
    /// called again.
    package func wait() throws(MPIError) {
        while finished < pieces.count {
            try waiting("MPI_Wait") { MPI_Wait(&pieces[finished], cmpi_status_ignore()) }
            finished += 1
        }
    }
}

extension Communicator {
    /// Begins a non-blocking `allreduce`.
    ///
    /// Collective (MPI_Iallreduce, in place, one for each piece): every rank begins its collectives in the same order,
    /// but may wait for them in any order.
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
}
