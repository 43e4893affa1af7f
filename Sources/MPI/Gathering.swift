// Gather, allgather and scatter of parts of different lengths.
//
// `counts` holds the length of each rank's part, by rank, and is the same on every rank; the whole is the parts one
// after the other, in rank order. A whole longer than a piece is sent from rank to rank in pieces instead, because
// MPI_Gatherv also addresses offsets in the whole with Int32.

import CMPI

extension Communicator {
    /// Copies every rank's part into `whole` at the root, in rank order.
    ///
    /// Collective (MPI_Gatherv; MPI_Send and MPI_Recv for a whole longer than a piece). `whole` is needed only at the
    /// root; its count is the sum of `counts`. At the root, `part` may be its own slice of `whole`.
    package func gather<T: MPIElement>(
        _ part: UnsafeBufferPointer<T>, counts: [Int], into whole: UnsafeMutableBufferPointer<T>?, root: Int
    ) throws(MPIError) {
        let total = requireCounts(counts, part: part.count, whole: rank == root ? whole?.count ?? 0 : nil)
        if rank == root, let whole { slice(rank, counts, of: whole).copy(from: part) }
        guard total > 0 else { return }

        if total <= longestPiece(of: T.self) {
            let layout = Layout(counts)
            try waiting("MPI_Gatherv") {
                MPI_Gatherv(
                    rank == root ? UnsafeRawPointer(cmpi_in_place()) : UnsafeRawPointer(part.baseAddress),
                    Int32(part.count), T.mpiKind.datatype, whole?.baseAddress, layout.counts, layout.starts,
                    T.mpiKind.datatype, number(root), handle)
            }
        } else if rank != root {
            try send(UnsafeMutableBufferPointer(mutating: part), to: root)
        } else if let whole {
            for other in 0..<size where other != root { try receive(slice(other, counts, of: whole), from: other) }
        }
    }

    /// Completes `whole` on every rank: each rank has already written its part, and receives the others.
    ///
    /// Collective (MPI_Allgatherv, in place; MPI_Bcast by each rank for a whole longer than a piece).
    package func allgather<T: MPIElement>(
        inPlace whole: UnsafeMutableBufferPointer<T>, counts: [Int]
    ) throws(MPIError) {
        let total = requireCounts(counts, part: nil, whole: whole.count)
        guard total > 0 else { return }

        if total <= longestPiece(of: T.self) {
            let layout = Layout(counts)
            try waiting("MPI_Allgatherv") {
                MPI_Allgatherv(
                    cmpi_in_place(), 0, T.mpiKind.datatype, whole.baseAddress, layout.counts, layout.starts,
                    T.mpiKind.datatype, handle)
            }
        } else {
            for owner in 0..<size { try broadcast(slice(owner, counts, of: whole), root: owner) }
        }
    }

    /// Copies every rank's part into `whole` on every rank, in rank order.
    ///
    /// Collective (MPI_Allgatherv). `whole`'s count is the sum of `counts`; `part` may be its own slice of `whole`.
    package func allgather<T: MPIElement>(
        _ part: UnsafeBufferPointer<T>, counts: [Int], into whole: UnsafeMutableBufferPointer<T>
    ) throws(MPIError) {
        requireCounts(counts, part: part.count, whole: whole.count)
        slice(rank, counts, of: whole).copy(from: part)
        try allgather(inPlace: whole, counts: counts)
    }

    /// Distributes the root's `whole`: each rank receives its part, in rank order.
    ///
    /// Collective (MPI_Scatterv; MPI_Send and MPI_Recv for a whole longer than a piece). `whole` is needed only at the
    /// root; its count is the sum of `counts`. At the root, `part` may be its own slice of `whole`.
    package func scatter<T: MPIElement>(
        _ whole: UnsafeBufferPointer<T>?, counts: [Int], into part: UnsafeMutableBufferPointer<T>, root: Int
    ) throws(MPIError) {
        let total = requireCounts(counts, part: part.count, whole: rank == root ? whole?.count ?? 0 : nil)
        let whole = whole.map { UnsafeMutableBufferPointer(mutating: $0) }
        if rank == root, let whole { part.copy(from: UnsafeBufferPointer(slice(rank, counts, of: whole))) }
        guard total > 0 else { return }

        if total <= longestPiece(of: T.self) {
            let layout = Layout(counts)
            try waiting("MPI_Scatterv") {
                MPI_Scatterv(
                    whole?.baseAddress, layout.counts, layout.starts, T.mpiKind.datatype,
                    rank == root ? cmpi_in_place() : UnsafeMutableRawPointer(part.baseAddress), Int32(part.count),
                    T.mpiKind.datatype, number(root), handle)
            }
        } else if rank != root {
            try receive(part, from: root)
        } else if let whole {
            for other in 0..<size where other != root { try send(slice(other, counts, of: whole), to: other) }
        }
    }

    /// Sends each rank its part of this rank's `whole`, and receives this rank's part of every other rank's. `parts`
    /// holds the lengths of the parts to send, `counts` those of the parts to receive, both by rank.
    ///
    /// Collective (MPI_Alltoallv). Neither buffer is longer than a piece.
    package func exchange<T: MPIElement>(
        _ whole: UnsafeBufferPointer<T>, parts: [Int], into result: UnsafeMutableBufferPointer<T>, counts: [Int]
    ) throws(MPIError) {
        precondition(
            max(whole.count, result.count) <= longestPiece(of: T.self), "MPI counts \(whole.count) elements with Int32")
        let (sent, received) = (Layout(parts), Layout(counts))
        try waiting("MPI_Alltoallv") {
            MPI_Alltoallv(
                whole.baseAddress, sent.counts, sent.starts, T.mpiKind.datatype, result.baseAddress, received.counts,
                received.starts, T.mpiKind.datatype, handle)
        }
    }

    /// Sends a buffer in pieces; the receiver receives them in the same order, so one tag is enough.
    private func send<T: MPIElement>(_ buffer: UnsafeMutableBufferPointer<T>, to receiver: Int) throws(MPIError) {
        try inPieces(buffer) { piece, count throws(MPIError) in
            try waiting("MPI_Send") { MPI_Send(piece, count, T.mpiKind.datatype, number(receiver), 0, handle) }
        }
    }

    private func receive<T: MPIElement>(_ buffer: UnsafeMutableBufferPointer<T>, from sender: Int) throws(MPIError) {
        try inPieces(buffer) { piece, count throws(MPIError) in
            try waiting("MPI_Recv") {
                MPI_Recv(piece, count, T.mpiKind.datatype, number(sender), 0, handle, cmpi_status_ignore())
            }
        }
    }

    /// Rank `owner`'s part of the whole.
    private func slice<T>(
        _ owner: Int, _ counts: [Int], of whole: UnsafeMutableBufferPointer<T>
    ) -> UnsafeMutableBufferPointer<T> {
        let start = counts[..<owner].reduce(0, +)
        return UnsafeMutableBufferPointer(rebasing: whole[start..<start + counts[owner]])
    }

    /// Checks that `counts` fit this rank's buffers and returns their sum; nil means that the buffer is not used.
    @discardableResult
    private func requireCounts(_ counts: [Int], part: Int?, whole: Int?) -> Int {
        precondition(counts.count == size && counts.allSatisfy { $0 >= 0 }, "There is one count for each rank.")
        precondition(part == nil || part == counts[rank], "The part's length is its rank's count.")
        let total = counts.reduce(0, +)
        precondition(whole == nil || whole == total, "The whole's length is the sum of the counts.")
        return total
    }
}

/// Counts and offsets of the parts as MPI's "v" collectives take them. Their sum fits into Int32.
private struct Layout {
    let counts: [Int32]
    let starts: [Int32]

    init(_ counts: [Int]) {
        var next: Int32 = 0
        self.counts = counts.map { Int32($0) }
        starts = self.counts.map { count in
            defer { next += count }
            return next
        }
    }
}

extension UnsafeMutableBufferPointer where Element: MPIElement {
    /// Copies a buffer of the same count, unless it is the same memory.
    fileprivate func copy(from source: UnsafeBufferPointer<Element>) {
        guard let target = baseAddress, let origin = source.baseAddress, UnsafePointer(target) != origin else { return }
        target.update(from: origin, count: count)
    }
}
