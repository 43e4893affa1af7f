// Collectives on single values, arrays and texts: for decisions and messages, not for the data of a step.

extension Communicator {
    /// The reduction of the ranks' values, on every rank.
    ///
    /// Collective (MPI_Allreduce).
    package func allreduce<T: MPIElement>(_ value: T, _ operation: Reduction) throws(MPIError) -> T {
        var result = value
        try withBuffer(&result) { buffer throws(MPIError) in try allreduce(buffer, operation) }
        return result
    }

    /// The element-by-element reduction of the ranks' arrays, which have equal counts; on every rank.
    ///
    /// Collective (MPI_Allreduce).
    package func allreduce<T: MPIElement>(_ values: [T], _ operation: Reduction) throws(MPIError) -> [T] {
        var result = values
        try result.withUnsafeMutableBufferPointer { buffer throws(MPIError) in try allreduce(buffer, operation) }
        return result
    }

    /// The root's value, on every rank; the others' are ignored.
    ///
    /// Collective (MPI_Bcast).
    package func broadcast<T: MPIElement>(_ value: T, root: Int) throws(MPIError) -> T {
        var result = value
        try withBuffer(&result) { buffer throws(MPIError) in try broadcast(buffer, root: root) }
        return result
    }

    /// The root's bytes, on every rank; the others need not know their count. Only the root's argument is used; the
    /// others may pass nil.
    ///
    /// Collective (MPI_Bcast, twice: the count, the bytes).
    package func broadcast(_ bytes: [UInt8]?, root: Int) throws(MPIError) -> [UInt8] {
        precondition(rank != root || bytes != nil, "The root has something to broadcast.")
        let count = try broadcast(Int64(bytes?.count ?? 0), root: root)
        var result = (rank == root ? bytes : nil) ?? [UInt8](repeating: 0, count: Int(count))
        try result.withUnsafeMutableBufferPointer { buffer throws(MPIError) in try broadcast(buffer, root: root) }
        return result
    }

    /// The root's text, on every rank; the others may pass nil.
    ///
    /// Collective (MPI_Bcast, twice: the count, the bytes of UTF-8).
    package func broadcast(_ text: String?, root: Int) throws(MPIError) -> String {
        String(decoding: try broadcast(text.map { Array($0.utf8) }, root: root), as: UTF8.self)
    }

    /// Every rank's text, by rank, at the root; an empty array elsewhere.
    ///
    /// Collective (MPI_Allgatherv for the lengths, MPI_Gatherv for the bytes of UTF-8).
    package func gather(_ text: String, root: Int) throws(MPIError) -> [String] {
        let bytes = Array(text.utf8)
        let counts = try allgather(Int64(bytes.count)).map { Int($0) }
        var whole = [UInt8](repeating: 0, count: rank == root ? counts.reduce(0, +) : 0)
        try whole.withUnsafeMutableBufferPointer { all throws(MPIError) in
            try bytes.withUnsafeBufferPointer { part throws(MPIError) in
                try gather(part, counts: counts, into: all, root: root)
            }
        }
        return rank == root ? Self.texts(whole, counts) : []
    }

    /// Every rank's value, by rank, on every rank.
    ///
    /// Collective (MPI_Allgatherv).
    package func allgather<T: MPIElement>(_ value: T) throws(MPIError) -> [T] {
        var result = [T](repeating: value, count: size)
        try result.withUnsafeMutableBufferPointer { whole throws(MPIError) in
            try allgather(inPlace: whole, counts: [Int](repeating: 1, count: size))
        }
        return result
    }

    /// Every rank's text, by rank, on every rank.
    ///
    /// Collective (MPI_Allgatherv, twice: the lengths, the bytes of UTF-8).
    package func allgather(_ text: String) throws(MPIError) -> [String] {
        let bytes = Array(text.utf8)
        let counts = try allgather(Int64(bytes.count)).map { Int($0) }
        var whole = [UInt8](repeating: 0, count: counts.reduce(0, +))
        try whole.withUnsafeMutableBufferPointer { all throws(MPIError) in
            try bytes.withUnsafeBufferPointer { part throws(MPIError) in
                try allgather(part, counts: counts, into: all)
            }
        }
        return Self.texts(whole, counts)
    }

    private static func texts(_ whole: [UInt8], _ counts: [Int]) -> [String] {
        var undecoded = whole[...]
        return counts.map { count in
            defer { undecoded = undecoded.dropFirst(count) }
            return String(decoding: undecoded.prefix(count), as: UTF8.self)
        }
    }

    /// Calls `body` with the value as a buffer of one element.
    private func withBuffer<T: MPIElement>(
        _ value: inout T, _ body: (UnsafeMutableBufferPointer<T>) throws(MPIError) -> Void
    ) throws(MPIError) {
        try withUnsafeMutablePointer(to: &value) { pointer throws(MPIError) in
            try body(UnsafeMutableBufferPointer(start: pointer, count: 1))
        }
    }
}
