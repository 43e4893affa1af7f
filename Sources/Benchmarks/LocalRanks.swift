import FileFormats
import Foundation
import Glibc
import System
import Training

/// Starts this program again, on ranks of this machine: under mpirun, or as single ranks side by side.
struct LocalRanks {
    private let program: String
    private let mpirun: String
    private let cores = ProcessorCores.firstThreads
    /// Where the children leave their figures and their words.
    private let folder: URL

    /// - Throws: a `CommandError` if there is no mpirun.
    init(in folder: URL) throws {
        guard let mpirun = Self.found("mpirun") else {
            throw CommandError.failure(
                "bench scaling starts mpirun, and there is none on the PATH; Debian's package is openmpi-bin")
        }
        self.mpirun = mpirun
        program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        self.folder = folder
    }

    /// A program of the PATH.
    private static func found(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// The figures of one command on so many ranks together.
    func together(_ command: [String], ranks: Int) throws -> JSONValue {
        let child = try start(
            [mpirun, "-q", "-n", "\(ranks)"] + binding(ranks) + [program], command, ranks: ranks, name: "together")
        return try child.figures()
    }

    /// The figures of several commands, each on one rank, at the same time; each on a core of its own where there are enough.
    func sideBySide(_ commands: [[String]]) throws -> [JSONValue] {
        let taskset = commands.count <= cores.count ? Self.found("taskset") : nil
        let children = try commands.enumerated().map { number, command in
            let binding = taskset.map { [$0, "--cpu-list", "\(cores[number])"] } ?? []
            return try start(binding + [program], command, ranks: 1, name: "single-\(number)")
        }
        // All have ended before one is looked at: a failure leaves none behind.
        for child in children { child.process.waitUntilExit() }
        return try children.map { try $0.figures() }
    }

    /// As launch/local binds ranks: each to a core, where there are enough and all may be used. (mpirun binds to the machine's
    /// first cores, whatever this process is kept to.)
    private func binding(_ ranks: Int) -> [String] {
        if ranks > cores.count { return ["--bind-to", "none", "--oversubscribe"] }
        return ProcessorCores.isRestricted ? ["--bind-to", "none"] : ["--bind-to", "core"]
    }

    /// What mpirun needs here and the user has not set otherwise.
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

    /// Whether this machine may forbid a process to read its sibling's memory: in containers, under a filter of system calls.
    private static var memoryIsPrivate: Bool {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let filters = status.split(separator: "\n").contains { $0.hasPrefix("Seccomp:") && $0.hasSuffix("2") }
        return filters || ["/.dockerenv", "/run/.containerenv"].contains { FileManager.default.fileExists(atPath: $0) }
    }

    /// A process under way.
    private struct Child {
        let process: Process
        let words: [String]
        let results: URL
        let errors: URL

        /// Waits for its end.
        func figures() throws -> JSONValue {
            process.waitUntilExit()
            guard process.terminationReason == .exit, process.terminationStatus == 0,
                let text = try? String(contentsOf: results, encoding: .utf8)
            else {
                let said = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
                let ending = process.terminationReason == .exit ? "with" : "by signal"
                throw CommandError.failure(
                    "bench scaling: '\(words.joined(separator: " "))' ended \(ending) \(process.terminationStatus); it said: "
                        + (said.isEmpty ? "nothing" : said.trimmingCharacters(in: .whitespacesAndNewlines)))
            }
            return try JSONValue(parsing: text)
        }
    }

    private func start(_ launcher: [String], _ command: [String], ranks: Int, name: String) throws -> Child {
        let results = folder.appending(path: "\(name).json")
        let errors = folder.appending(path: "\(name).errors")
        try? FileManager.default.removeItem(at: results)
        try Data().write(to: errors)
        let words = launcher + command + ["--json", results.path]
        let process = Process()
        process.executableURL = URL(filePath: words[0])
        process.arguments = Array(words.dropFirst())
        process.environment = environment(forRanks: ranks)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        return Child(process: process, words: words, results: results, errors: errors)
    }
}
