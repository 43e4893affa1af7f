// The folder in which a test runs lstm-dist, and its contents.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

/// A private folder of one test, the working directory of lstm-dist; removed with the last reference to it.
final class TestFolder: Sendable {
    let url: URL

    /// - Parameter onDisk: uses the disk, not a file system in memory, which never delays a save.
    init(onDisk: Bool = false) throws {
        let parent = onDisk ? nil : Self.memory
        url = (parent ?? FileManager.default.temporaryDirectory).appending(path: "launch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    /// A folder in memory, if there is one with enough space in which programs can be started.
    private static let memory: URL? = {
        let folder = URL(filePath: "/dev/shm")
        var status = statvfs()
        let noPrograms: UInt = 8  // ST_NOEXEC, which Glibc's module does not have
        guard FileManager.default.isWritableFile(atPath: folder.path), statvfs(folder.path, &status) == 0,
            status.f_flag & noPrograms == 0, UInt64(status.f_bavail) * UInt64(status.f_frsize) >= 1 << 30
        else { return nil }
        return folder
    }()

    deinit { try? FileManager.default.removeItem(at: url) }

    func url(of name: String) -> URL { url.appending(path: name) }

    @discardableResult
    func write(_ text: String, to name: String) throws -> TestFolder {
        try Data(text.utf8).write(to: url(of: name))
        return self
    }

    /// Writes an executable script that replaces a program, and returns the PATH that finds it first.
    @discardableResult
    func write(program text: String, to name: String) throws -> String {
        try write(text, to: name)
        try setPermissions(name, 0o755)
        return "\(url.path):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
    }

    func bytes(of name: String) throws -> [UInt8] { Array(try Data(contentsOf: url(of: name))) }
    func text(of name: String) throws -> String { String(decoding: try bytes(of: name), as: UTF8.self) }
    func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: url(of: name).path) }

    /// The names in a folder, sorted.
    func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: url(of: folder).path).sorted()
    }

    func make(_ name: String) throws {
        try FileManager.default.createDirectory(at: url(of: name), withIntermediateDirectories: true)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(at: url(of: name)) }

    func move(_ name: String, to newName: String) throws {
        try FileManager.default.moveItem(at: url(of: name), to: url(of: newName))
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: url(of: name).path, withDestinationPath: target)
    }

    func setPermissions(_ name: String, _ mode: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: url(of: name).path)
    }

    /// Copies another folder's run, as if it had been trained here.
    func copy(_ run: RunFiles, as name: String) throws {
        try FileManager.default.copyItem(at: run.folder.url(of: run.name), to: url(of: name))
    }

    func run(_ name: String) -> RunFiles { RunFiles(folder: self, name: name) }

    /// Runs lstm-dist here, without mpirun if `ranks` is nil.
    func lstmDist(
        _ arguments: String..., ranks: Int? = nil, input: String = "", environment: [String: String] = [:],
        limit: Duration = .seconds(60)
    ) async throws -> MPIRun {
        try await lstmDist(arguments, ranks: ranks, input: input, environment: environment, limit: limit)
    }

    @discardableResult
    func lstmDist(
        _ arguments: [String], ranks: Int? = nil, input: String = "", environment: [String: String] = [:],
        limit: Duration = .seconds(60)
    ) async throws -> MPIRun {
        try await MPIRun.run(
            Self.program, arguments, ranks: ranks, in: url, input: input, environment: environment, limit: limit)
    }

    /// Starts lstm-dist here and does not wait for it.
    func start(
        _ arguments: String..., ranks: Int?, environment: [String: String] = [:]
    ) throws -> StartedRun {
        try start(arguments, ranks: ranks, environment: environment)
    }

    func start(_ arguments: [String], ranks: Int?, environment: [String: String] = [:]) throws -> StartedRun {
        try StartedRun(Self.program, arguments, ranks: ranks, in: url, environment: environment)
    }

    /// Starts lstm-dist here without root's right to read and write everything.
    func startUnprivileged(_ arguments: [String], ranks: Int? = nil) throws -> StartedRun {
        let isRoot = getuid() == 0
        let words = (isRoot ? ["--bounding-set=-dac_override,-dac_read_search"] : []) + [try Self.program.path]
        return try StartedRun(
            URL(filePath: isRoot ? "/usr/bin/setpriv" : "/usr/bin/env"), words + arguments, ranks: ranks, in: url)
    }

    /// Trains `config` here, with these keys changed, into the folder `run`; expects success, and returns the run's
    /// folder.
    @discardableResult
    func train(
        _ config: String, into run: String, ranks: Int? = nil, _ arguments: String..., set keys: [String] = [],
        environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> RunFiles {
        let words = ["train", config, "--run", run, "--quiet"] + keys.flatMap { ["--set", $0] } + arguments
        let ended = try await MPIRun.run(
            Self.program, words, ranks: ranks, in: url, environment: environment, limit: .seconds(60))
        #expect(ended.exitCode == 0, "\(ended.errors)", sourceLocation: sourceLocation)
        return self.run(run)
    }

    static var program: URL { get throws { try BuiltProduct.named("lstm-dist") } }
}

/// The folder written by a run.
struct RunFiles: Sendable {
    let folder: TestFolder
    let name: String

    /// The members that differ even between equal runs.
    private static let times: Set = [
        "tokens_per_second", "seconds", "compute_fraction", "communication_fraction", "slowest_rank",
        "slowest_rank_seconds", "median_rank_seconds", "fastest_rank_seconds",
    ]

    /// The lines of metrics.jsonl.
    func metrics(_ split: String? = nil) throws -> [JSONValue] {
        try folder.text(of: "\(name)/metrics.jsonl").split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            .filter { split == nil || $0["split"]?.stringValue == split }
    }

    /// The same lines as texts, without times.
    func lines(without keys: Set<String> = []) throws -> [String] {
        try metrics().map { line in
            JSONValue.object((line.members ?? []).filter { !Self.times.union(keys).contains($0.key) }).text
        }
    }

    /// A value of each line of a split.
    func figures(_ key: String = "loss", of split: String = "train") throws -> [Double] {
        try metrics(split).map { try #require($0[key]?.numberValue) }
    }

    var checkpoints: String { "\(name)/checkpoints" }

    func checkpoint(_ step: Int) -> String {
        let digits = String(step)
        return "\(checkpoints)/step-" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// Names of the checkpoints' folders and links, sorted.
    func checkpointNames() throws -> [String] { try folder.names(in: checkpoints) }

    /// Expects only whole checkpoints and links in the checkpoints folder: no leftovers.
    func expectTidy(sourceLocation: SourceLocation = #_sourceLocation) throws {
        for entry in try checkpointNames() where entry != "best" && entry != "latest" {
            let isCheckpoint = entry.hasPrefix("step-") && folder.has("\(checkpoints)/\(entry)/state.json")
            #expect(isCheckpoint, "\(checkpoints)/\(entry) is left over", sourceLocation: sourceLocation)
        }
        let hidden = try folder.names(in: name).filter { $0.hasPrefix(".") }
        #expect(hidden == [], sourceLocation: sourceLocation)
    }

    /// The target of a link.
    func target(of link: String) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: folder.url(of: "\(checkpoints)/\(link)").path)
    }

    /// A file of the latest checkpoint.
    func latest(_ file: String) throws -> [UInt8] { try folder.bytes(of: "\(checkpoints)/latest/\(file)") }

    func model(of checkpoint: String = "latest") throws -> SafetensorsFile {
        try SafetensorsFile(folder.url(of: "\(checkpoints)/\(checkpoint)/model.safetensors").path)
    }

    /// Returns when this number of train lines has been written, or the run has ended.
    func wait(
        for run: StartedRun, lines: Int = 1, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let hasCome = try await becomesTrue {
            !run.isRunning || ((try? metrics("train").count).map { $0 >= lines } ?? false)
        }
        #expect(hasCome, "no \(lines) train lines", sourceLocation: sourceLocation)
    }

    func outcome() throws -> JSONValue { try JSONValue(parsing: folder.text(of: "\(name)/outcome.json")) }
}
