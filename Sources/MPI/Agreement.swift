// An error on one rank ends all ranks, with one message.

import System

/// Thrown on every rank when local work failed on at least one: the error of the lowest rank that failed, identical on
/// all ranks.
package struct AgreedFailure: Error, Equatable, ExitCoded, CustomStringConvertible {
    /// The lowest rank that failed.
    package let rank: Int
    /// That rank's host.
    package let host: String
    /// `String(describing:)` of its error.
    package let message: String
    /// Its error's exit code if the error is `ExitCoded`, else 1.
    package let exitCode: Int32
    /// The number of ranks on which the work failed.
    package let ranksFailed: Int
    /// The number of ranks of the communicator.
    package let ranks: Int

    /// The message, preceded by rank and host unless all ranks failed.
    package var description: String {
        ranksFailed == ranks ? message : "rank \(rank) on \(host): \(message)"
    }

    package init(rank: Int, host: String, message: String, exitCode: Int32, ranksFailed: Int, ranks: Int) {
        self.rank = rank
        self.host = host
        self.message = message
        self.exitCode = exitCode
        self.ranksFailed = ranksFailed
        self.ranks = ranks
    }
}

extension Communicator {
    /// Runs work that can fail on a single rank, and returns its result only if it succeeded on all ranks.
    ///
    /// Reading a file, checking a configuration, writing a checkpoint at the root: such work can fail on one rank and
    /// succeed on another, and if only one rank left, the others would hang in their next collective. Wrapped in
    /// `agree` the work fails on no rank or on all. A rank whose work succeeded discards its result and throws as well.
    /// All ranks throw the same `AgreedFailure`, so that rank 0 alone can report it, and each rank can call
    /// `Job.finish` and exit with the same code.
    ///
    /// Collective (MPI_Allreduce of one value; further calls only after a failure). `body` must not call collectives: a
    /// rank whose body has failed would not reach them. It may return early on ranks that have nothing to do. For an
    /// error that cannot wait for the other ranks (MPI itself fails) use `Job.abort`.
    ///
    /// - Throws: `AgreedFailure`, or `MPIError` if the agreement itself fails.
    package func agree<R>(_ body: () throws -> R) throws -> R {
        let outcome = Result { try body() }
        var error: (any Error)?
        if case .failure(let localError) = outcome { error = localError }
        if let failure = try firstFailure(error) { throw failure }
        return try outcome.get()
    }

    /// The failure of the lowest rank with an error; nil if no rank has one.
    private func firstFailure(_ error: (any Error)?) throws(MPIError) -> AgreedFailure? {
        let first = Int(try allreduce(Int32(error == nil ? size : rank), .minimum))
        guard first < size else { return nil }
        let failed = try allreduce(Int32(error == nil ? 0 : 1), .sum)
        let code = (error as? any ExitCoded)?.exitCode ?? 1
        return AgreedFailure(
            rank: first,
            host: try broadcast(Job.hostName, root: first),
            message: try broadcast(error.map { String(describing: $0) }, root: first),
            exitCode: try broadcast(code, root: first),
            ranksFailed: Int(failed),
            ranks: size)
    }
}
