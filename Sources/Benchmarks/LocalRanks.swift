import FileFormats
import Foundation
import Glibc
import System
import Training

/// Starts this program again on ranks of this machine: under mpirun, or as single ranks side by side.
struct LocalRanks {
    private let program: String
    private let mpirun: String
    private let cores = ProcessorCores.firstThreads
    /// The folder for the children's results and error output.
    private let folder: URL
    private let started: StartedProcesses

    /// - Throws: a `CommandError` if there is no mpirun.
    init(in folder: URL) throws {
        guard let mpirun = Self.found("mpirun") else {
            throw CommandError.failure(
                "bench scaling requires mpirun, which is not on the PATH; Debian package: openmpi-bin")
        }
        self.mpirun = mpirun
        program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        self.folder = folder
        started = StartedProcesses(in: folder)
    }

    /// The path of a program on the PATH.
    private static func found(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// The results of one command on `ranks` ranks together.
    func together(_ command: [String], ranks: Int) throws -> JSONValue {
        let child = try start(
            [mpirun, "-q", "-n", "\(ranks)"] + binding(ranks) + [program], command, ranks: ranks, name: "together")
        return try child.figures()
    }

    /// The results of several commands that run concurrently, each on one rank; each on a separate core if there are
    /// enough.
    func sideBySide(_ commands: [[String]]) throws -> [JSONValue] {
        let taskset = commands.count <= cores.count ? Self.found("taskset") : nil
        let children = try commands.enumerated().map { number, command in
            let binding = taskset.map { [$0, "--cpu-list", "\(cores[number])"] } ?? []
            return try start(binding + [program], command, ranks: 1, name: "single-\(number)")
        }
        // Waits for all before any result is read, so that a failure leaves no process behind.
        for child in children { started.wait(for: child.process) }
        return try children.map { try $0.figures() }
    }

    /// Binds ranks as launch/local does: each to a core, if there are enough cores and all may be used. (mpirun binds
    /// to the machine's first cores, even if this process is restricted to others.)
    private func binding(_ ranks: Int) -> [String] {
        if ranks > cores.count { return ["--bind-to", "none", "--oversubscribe"] }
        return ProcessorCores.isRestricted ? ["--bind-to", "none"] : ["--bind-to", "core"]
    }

    /// The environment variables that mpirun needs here, unless the user has set them.
    private func environment(forRanks ranks: Int) -> [String: String] {
        var needed: [String: String] = [:]
        if geteuid() == 0 {
            needed["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
            needed["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        }
        if Self.memoryIsPrivate { needed["OMPI_MCA_btl_vader_single_copy_mechanism"] = "none" }
        if ranks > ProcessorCores.allowedCPUs.count { needed["OMPI_MCA_mpi_yield_when_idle"] = "1" }
        return ProcessInfo.processInfo.environment.merging(needed) { users, _ in users }
    }

    /// Whether this machine may forbid a process to read another process's memory: in containers, under a system call
    /// filter.
    private static var memoryIsPrivate: Bool {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let filters = status.split(separator: "\n").contains { $0.hasPrefix("Seccomp:") && $0.hasSuffix("2") }
        return filters || ["/.dockerenv", "/run/.containerenv"].contains { FileManager.default.fileExists(atPath: $0) }
    }

    /// A running process.
    private struct Child {
        let started: StartedProcesses
        let process: Process
        let command: [String]
        let results: URL
        let errors: URL

        /// Waits until it has ended, and reads its results.
        func figures() throws -> JSONValue {
            started.wait(for: process)
            guard process.terminationReason == .exit, process.terminationStatus == 0,
                let text = try? String(contentsOf: results, encoding: .utf8)
            else {
                let output = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
                let ending = process.terminationReason == .exit ? "with" : "by signal"
                throw CommandError.failure(
                    "bench scaling: '\(command.joined(separator: " "))' ended \(ending) \(process.terminationStatus); standard error: "
                        + (output.isEmpty ? "empty" : output.trimmingCharacters(in: .whitespacesAndNewlines)))
            }
            return try JSONValue(parsing: text)
        }
    }

    private func start(_ launcher: [String], _ command: [String], ranks: Int, name: String) throws -> Child {
        let results = folder.appending(path: "\(name).json")
        let errors = folder.appending(path: "\(name).errors")
        try? FileManager.default.removeItem(at: results)
        try Data().write(to: errors)
        let arguments = launcher + command + ["--json", results.path]
        let process = Process()
        process.executableURL = URL(filePath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.environment = environment(forRanks: ranks)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: errors)
        try started.start(process)
        return Child(started: started, process: process, command: arguments, results: results, errors: errors)
    }
}
