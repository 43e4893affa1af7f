// How an error on one rank ends all ranks, with one message.

import System

/// What every rank throws when local work failed on at least one: the error of the lowest rank that failed, the same
/// everywhere.
package struct AgreedFailure: Error, Equatable, ExitCoded, CustomStringConvertible {
    /// The lowest rank that failed.
    package let rank: Int
    /// The host it runs on.
    package let host: String
    /// What its error says: `String(describing:)` of it.
    package let message: String
    /// Its error's exit code where that is `ExitCoded`, else 1.
    package let exitCode: Int32
    /// On how many ranks the work failed.
    package let ranksFailed: Int
    /// How many ranks did the work.
    package let ranks: Int

    /// The message alone where all ranks failed, since then none stands out; else with the rank and the host before it.
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
    /// Does work that can fail on each rank by itself, and returns its result only if it succeeded on all of them.
    ///
    /// Reading a file, checking a configuration, writing a checkpoint at the root: such work can fail on one rank and
    /// succeed on the next, and a rank that leaves alone lets the others hang in their next collective. So this is how
    /// bad input ends on any number of ranks: wrapped in `agree`, it fails on none or on all. A rank whose own work
    /// succeeded then drops its result and throws as well; all throw the same `AgreedFailure`, so that any one of them
    /// (rank 0) can speak for all, and each can call `Job.finish` and exit with the same code.
    ///
    /// Collective (MPI_Allreduce of one number; more only after a failure). `body` must not call collectives: a rank
    /// whose body has failed would not come to them. It may return early on ranks that have nothing to do. An error
    /// that cannot wait for the others (MPI itself fails) is for `Job.abort`.
    ///
    /// - Throws: `AgreedFailure`, or `MPIError` if the agreement itself fails.
    package func agree<R>(_ body: () throws -> R) throws -> R {
        let outcome = Result { try body() }
        var error: (any Error)?
        if case .failure(let own) = outcome { error = own }
        if let failure = try firstFailure(error) { throw failure }
        return try outcome.get()
    }

    /// The failure of the lowest rank that gave an error; nil if none did.
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
