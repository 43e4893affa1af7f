// Starts programs on real ranks and keeps what they said.

import Foundation

/// A finished run of a program under mpirun, or started bare.
struct MPIRun {
    /// What mpirun returned.
    let exitCode: Int32
    /// Standard output of all ranks, mixed as it came.
    let output: String
    /// Standard error of all ranks. mpirun's own notice of a rank that failed is not in it (`-q`).
    let errors: String

    /// What else keeps a run from being one.
    enum Failure: Error, Equatable, CustomStringConvertible {
        /// It did not end in time and was killed.
        case tookTooLong(command: String, limit: Duration, output: String, errors: String)

        var description: String {
            switch self {
            case .tookTooLong(let command, let limit, let output, let errors):
                "'\(command)' did not end within \(limit) and was killed. It said:\n\(output)\(errors)"
            }
        }
    }

    /// What lets mpirun run as root, in containers that forbid processes to read each other's memory, and with more
    /// ranks than cores, whose waiting ranks then give way.
    static let environment = [
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
    ]

    /// Runs `program` on `ranks` ranks and returns when all have ended; nil ranks start it bare, without mpirun.
    ///
    /// - Parameters:
    ///   - folder: where it runs; the current folder if nil.
    ///   - extra: environment variables besides this process's and `MPIRun.environment`.
    ///   - limit: the time after which it is killed.
    /// - Throws: `Failure`, or what Foundation says of a program that cannot be started.
    static func run(
        _ program: URL, _ arguments: [String], ranks: Int?, in folder: URL? = nil,
        environment extra: [String: String] = [:], limit: Duration = .seconds(60)
    ) async throws -> MPIRun {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "mpi-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }

        let command = ranks.map { ["mpirun", "-q", "-n", "\($0)", program.path] } ?? [program.path]
        let process = Process()
        // Swift's threads block signals and a child inherits that: mpirun could not be asked to end. env unblocks them.
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["--default-signal"] + command + arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment
            .merging(environment) { _, ours in ours }.merging(extra) { _, ours in ours }
        process.standardInput = FileHandle.nullDevice
        // Files, not pipes: they never fill up, and do not stay open in a rank that outlives mpirun.
        let output = scratch.appending(path: "output")
        let errors = scratch.appending(path: "errors")
        process.standardOutput = try emptyFile(at: output)
        process.standardError = try emptyFile(at: errors)

        try process.run()
        let endedInTime = try await waits(for: process, atMost: limit)
        if !endedInTime { try await end(process) }
        let said = (try text(of: output), try text(of: errors))
        guard endedInTime else {
            let line = (command + arguments).joined(separator: " ")
            throw Failure.tookTooLong(command: line, limit: limit, output: said.0, errors: said.1)
        }
        return MPIRun(exitCode: process.terminationStatus, output: said.0, errors: said.1)
    }

    /// Asks mpirun to end its ranks, and ends mpirun itself if it does not listen.
    private static func end(_ process: Process) async throws {
        process.terminate()
        if try await waits(for: process, atMost: .seconds(5)) { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Whether the process ended within the limit.
    private static func waits(for process: Process, atMost limit: Duration) async throws -> Bool {
        let deadline = ContinuousClock.now + limit
        while process.isRunning {
            if ContinuousClock.now > deadline { return false }
            try await Task.sleep(for: .milliseconds(10))
        }
        return true
    }

    private static func emptyFile(at url: URL) throws -> FileHandle {
        try Data().write(to: url)
        return try FileHandle(forWritingTo: url)
    }

    private static func text(of url: URL) throws -> String {
        String(decoding: try Data(contentsOf: url), as: UTF8.self)
    }
}
