// Starts programs on real ranks and keeps what they said.

package import Foundation

/// A finished run of a program under mpirun, or started bare.
package struct MPIRun: Sendable {
    /// What mpirun returned.
    package let exitCode: Int32
    /// Standard output of all ranks, mixed as it came, byte for byte.
    package let outputBytes: [UInt8]
    /// Standard error of all ranks. mpirun's own notice of a rank that failed is not in it (`-q`).
    package let errors: String

    /// Standard output as text.
    package var output: String { String(decoding: outputBytes, as: UTF8.self) }

    /// What else keeps a run from being one.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// It did not end in time and was killed; `left` tells of the processes that were there.
        case tookTooLong(command: String, limit: Duration, left: String, output: String, errors: String)

        package var description: String {
            switch self {
            case .tookTooLong(let command, let limit, let left, let output, let errors):
                "'\(command)' did not end within \(limit) and was killed. There were:\n\(left)\nIt said:\n\(output)\(errors)"
            }
        }
    }

    /// What lets mpirun run as root, in containers that forbid processes to read each other's memory, and with more
    /// ranks than cores, whose waiting ranks then give way. Ranks are not bound to cores: every mpirun on a machine would
    /// bind to the same ones.
    package static let environment = [
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
    ]

    /// Runs `program` on `ranks` ranks and returns when all have ended; nil ranks start it bare, without mpirun.
    ///
    /// - Parameters:
    ///   - folder: where it runs; the current folder if nil.
    ///   - input: what it reads from standard input (under mpirun rank 0 does).
    ///   - extra: environment variables besides this process's and `MPIRun.environment`.
    ///   - limit: the time after which it is killed.
    /// - Throws: `Failure`, or what Foundation says of a program that cannot be started.
    @discardableResult
    package static func run(
        _ program: URL, _ arguments: [String], ranks: Int?, in folder: URL? = nil, input: String = "",
        environment extra: [String: String] = [:], limit: Duration = .seconds(60)
    ) async throws -> MPIRun {
        try await StartedRun(program, arguments, ranks: ranks, in: folder, input: input, environment: extra)
            .result(within: limit)
    }
}
