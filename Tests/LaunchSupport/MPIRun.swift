// Starts programs on real ranks and captures their output.

package import Foundation

/// A finished run of a program, with or without mpirun.
package struct MPIRun: Sendable {
    /// The exit code of mpirun or of the program.
    package let exitCode: Int32
    /// Standard output of all ranks, interleaved as received, byte for byte.
    package let outputBytes: [UInt8]
    /// Standard error of all ranks, without mpirun's own notice of a failed rank (`-q`).
    package let errors: String

    /// Standard output as text.
    package var output: String { String(decoding: outputBytes, as: UTF8.self) }

    /// Errors of a run itself.
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// It did not end in time and was killed; `left` describes the processes that existed then.
        case tookTooLong(command: String, limit: Duration, left: String, output: String, errors: String)

        package var description: String {
            switch self {
            case .tookTooLong(let command, let limit, let left, let output, let errors):
                "'\(command)' did not end within \(limit) and was killed. Processes:\n\(left)\nOutput:\n\(output)\(errors)"
            }
        }
    }

    /// Lets mpirun run as root, in containers that forbid processes to read each other's memory, and with more ranks
    /// than cores, in which case waiting ranks yield. Ranks are not bound to cores: every mpirun on a machine would
    /// bind to the same ones.
    ///
    /// Two waits of Open MPI are left out, which take longer than most runs: mpirun's second between SIGTERM and SIGKILL
    /// for ranks that still exist when the first one has failed, and the daemon of a program without mpirun.
    package static let environment = [
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_odls_base_sigkill_timeout": "0",
        "OMPI_MCA_ess_singleton_isolated": "1",
    ]

    /// Open MPI's own values for the two waits: for ranks that report why they are ended, and for what users start.
    package static let usualWaits = [
        "OMPI_MCA_odls_base_sigkill_timeout": "1",
        "OMPI_MCA_ess_singleton_isolated": "0",
    ]

    /// Runs `program` on `ranks` ranks and returns when all have ended; nil ranks start it without mpirun.
    ///
    /// - Parameters:
    ///   - folder: its working directory; the current folder if nil.
    ///   - input: its standard input (under mpirun, of rank 0).
    ///   - extra: environment variables in addition to this process's and `MPIRun.environment`.
    ///   - limit: the time after which it is killed.
    /// - Throws: `Failure`, or Foundation's error for a program that can't be started.
    @discardableResult
    package static func run(
        _ program: URL, _ arguments: [String], ranks: Int?, in folder: URL? = nil, input: String = "",
        environment extra: [String: String] = [:], limit: Duration = .seconds(60)
    ) async throws -> MPIRun {
        try await StartedRun(program, arguments, ranks: ranks, in: folder, input: input, environment: extra)
            .result(within: limit)
    }
}
