// A run in progress: it can be waited for, watched and killed.

package import Foundation
import TestSupport

/// A program that was started with or without mpirun. `result` is called once.
package final class StartedRun {
    private let process = Process()
    private let command: String
    private let scratch: URL
    private var output: URL { scratch.appending(path: "output") }
    private var errors: URL { scratch.appending(path: "errors") }

    /// Starts it; parameters as for `MPIRun.run`.
    package init(
        _ program: URL, _ arguments: [String], ranks: Int?, in folder: URL? = nil, input: String = "",
        environment extra: [String: String] = [:]
    ) throws {
        scratch = FileManager.default.temporaryDirectory.appending(path: "mpi-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        let launcher = ranks.map { ["mpirun", "-q", "-n", "\($0)", program.path] } ?? [program.path]
        command = (launcher + arguments).joined(separator: " ")
        // Swift's threads block signals, and a child inherits that: mpirun would ignore SIGTERM. env unblocks them.
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["--default-signal"] + launcher + arguments
        process.currentDirectoryURL = folder
        // Concurrent runs would create and remove one folder of Open MPI's.
        process.environment = ProcessInfo.processInfo.environment
            .merging(["OMPI_MCA_orte_tmpdir_base": scratch.path]) { _, ours in ours }
            .merging(MPIRun.environment) { _, ours in ours }.merging(extra) { _, ours in ours }
        // Files instead of pipes: they never fill up, and do not stay open in a rank that outlives mpirun.
        let given = scratch.appending(path: "input")
        try Data(input.utf8).write(to: given)
        let handles = [
            try FileHandle(forReadingFrom: given), try Self.emptyFile(at: output), try Self.emptyFile(at: errors),
        ]
        process.standardInput = handles[0]
        process.standardOutput = handles[1]
        process.standardError = handles[2]
        // Otherwise they stay open for longer than the process exists, and Foundation can't start a process with a
        // thousand open files.
        defer { for handle in handles { try? handle.close() } }
        try process.run()
    }

    deinit { try? FileManager.default.removeItem(at: scratch) }

    /// Whether it is still running.
    package var isRunning: Bool { process.isRunning }

    /// Waits for its end.
    ///
    /// - Throws: `MPIRun.Failure` if it does not end in time, with the processes that existed then; it has been killed.
    package func result(within limit: Duration = .seconds(60)) async throws -> MPIRun {
        let endedInTime = try await ends(within: limit)
        let left = endedInTime ? .nothing : left(of: [launcher]).left
        if !endedInTime { try await end() }
        let captured = (try Data(contentsOf: output), String(decoding: try Data(contentsOf: errors), as: UTF8.self))
        guard endedInTime else {
            throw MPIRun.Failure.tookTooLong(
                command: command, limit: limit, left: "\(left)", output: String(decoding: captured.0, as: UTF8.self),
                errors: captured.1)
        }
        return MPIRun(exitCode: process.terminationStatus, outputBytes: Array(captured.0), errors: captured.1)
    }

    /// The processes of the ranks: mpirun's children, or the program itself.
    package var ranks: [Int32] {
        let children = Self.children(of: process.processIdentifier)
        return children.isEmpty ? [process.processIdentifier] : children
    }

    /// Sends a signal to mpirun, or to the program that was started without it.
    package func send(_ signal: Int32) { Foundation.kill(process.processIdentifier, signal) }

    /// mpirun, or the program itself.
    package var launcher: Int32 { process.processIdentifier }

    /// A description of processes that did not end by themselves.
    package enum Left: CustomStringConvertible {
        case nothing
        /// mpirun does not notice its dead ranks any more, and has no other ranks: see Faults.md.
        case stuckLauncher(String)
        case processes([String])

        package var description: String {
            switch self {
            case .nothing: "nothing"
            case .stuckLauncher(let descriptions): "\(descriptions), all its ranks dead"
            case .processes(let descriptions): descriptions.joined(separator: "\n")
            }
        }
    }

    /// The processes of these and of mpirun's children that still exist.
    private func left(of processes: Set<Int32>) -> (ids: [Int32], left: Left) {
        let children = Self.children(of: launcher)
        let ids = processes.union(children).filter(Self.lives).sorted()
        let descriptions = ids.map { "process \($0): \(Self.threads(of: $0))" }
        let isStuck = ids == [launcher] && !children.isEmpty
        return (ids, ids.isEmpty ? .nothing : isStuck ? .stuckLauncher(descriptions[0]) : .processes(descriptions))
    }

    /// Kills one process of the run, and returns when mpirun and all ranks have ended. Returns the processes that did
    /// not end by themselves within the limit, which are then killed.
    package func kill(_ id: Int32, thenWithin limit: Duration) async throws -> Left {
        let processes = Set([launcher] + Self.children(of: launcher) + [id])
        Foundation.kill(id, SIGKILL)
        _ = try await becomesTrue(within: limit) { !processes.contains(where: Self.lives) }
        let (ids, left) = left(of: processes)
        for id in ids { Foundation.kill(id, SIGKILL) }
        while ids.contains(where: Self.lives) { try await Task.sleep(for: .milliseconds(5)) }
        process.waitUntilExit()
        return left
    }

    /// The ranks' processes by rank, after mpirun has started all `count` of them.
    package func ranks(_ count: Int) async throws -> [Int32] {
        while isRunning {
            var found: [Int: Int32] = [:]
            for id in Self.children(of: process.processIdentifier) {
                let variables = (try? Data(contentsOf: URL(filePath: "/proc/\(id)/environ"))) ?? Data()
                for variable in variables.split(separator: 0) where variable.starts(with: Self.rankVariable.utf8) {
                    found[Int(String(decoding: variable.dropFirst(Self.rankVariable.count), as: UTF8.self)) ?? -1] = id
                }
            }
            if found.count == count { return found.sorted { $0.key < $1.key }.map(\.value) }
            try await Task.sleep(for: .milliseconds(5))
        }
        return []
    }

    private static let rankVariable = "OMPI_COMM_WORLD_RANK="

    /// Continues a stopped mpirun.
    package func resume() { Foundation.kill(process.processIdentifier, SIGCONT) }

    /// Kills mpirun and all ranks at once, like a power failure, and returns when they have ended.
    package func kill() async throws {
        let processes = [process.processIdentifier] + Self.children(of: process.processIdentifier)
        for id in processes { Foundation.kill(id, SIGKILL) }
        process.waitUntilExit()
        for id in processes where id != process.processIdentifier {
            while Self.lives(id) { try await Task.sleep(for: .milliseconds(5)) }
        }
    }

    /// Asks mpirun to end its ranks, and kills mpirun itself if it does not respond.
    private func end() async throws {
        process.terminate()
        if try await ends(within: .seconds(5)) { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Whether the process ended within the limit.
    private func ends(within limit: Duration) async throws -> Bool {
        try await becomesTrue(within: limit) { !process.isRunning }
    }

    private static func children(of parent: Int32) -> [Int32] {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
        return processes.filter { fields($0)?.parent == parent }.sorted()
    }

    /// Whether a process exists and is not a zombie.
    package static func lives(_ id: Int32) -> Bool { fields(id).map { $0.state != "Z" } ?? false }

    /// The kernel's letter for a process's state: R, S, D, T, Z …; nil if it does not exist.
    package static func state(of id: Int32) -> Substring? { fields(id)?.state }

    /// Name, state and kernel wait location of each of a process's threads.
    private static func threads(of id: Int32) -> String {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task")) ?? []
        return threads.compactMap { Int32($0) }.sorted().map { thread in
            let texts = ["comm", "wchan"].map { file in
                let text = try? String(contentsOfFile: "/proc/\(id)/task/\(thread)/\(file)", encoding: .utf8)
                return text?.trimmingCharacters(in: .newlines) ?? "?"
            }
            return "\(texts[0]) \(state(of: thread) ?? "?") in \(texts[1])"
        }.joined(separator: ", ")
    }

    /// State and parent of a process; they follow the name in parentheses, which may contain any characters.
    private static func fields(_ id: Int32) -> (state: Substring, parent: Int32)? {
        guard let text = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 1, let parent = Int32(fields[1]) else { return nil }
        return (fields[0], parent)
    }

    private static func emptyFile(at url: URL) throws -> FileHandle {
        try Data().write(to: url)
        return try FileHandle(forWritingTo: url)
    }
}
