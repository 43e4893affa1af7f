// Each file operation of a run fails in turn: training continues or ends with a message, and the same command then ends
// with the bits of an undisturbed run.

import FileFormats
import Foundation
import LaunchSupport
import Testing

/// A library that makes file operations fail (Tests/Fixtures/preload/file_faults.c), and its settings.
struct FileFaults {
    enum Mode: String, CaseIterable, Sendable {
        /// One input/output error.
        case error
        /// A full disk from that operation on.
        case full
        /// The process dies at that operation.
        case kill
    }

    /// The files: those whose names end with this text; with a ! before it, all others.
    private let files: String
    private let run = "run"
    private let library: PreloadedLibrary

    init(files: String) throws {
        self.files = files
        library = try PreloadedLibrary("file_faults.c")
    }

    private func environment(_ more: [String: String]) -> [String: String] {
        ["LD_PRELOAD": library.path, "FILE_FAULTS_FOLDER": run, "FILE_FAULTS_ONLY": files]
            .merging(more) { _, new in new }
    }

    func failing(_ mode: String, at number: Int) -> [String: String] {
        environment(["FILE_FAULTS_AT": "\(number)", "FILE_FAULTS_MODE": mode])
    }

    func listing(in file: String) -> [String: String] { environment(["FILE_FAULTS_LOG": file]) }

    /// The operations of an undisturbed run, in order: their names and paths.
    static func operations(_ log: String) -> [(name: String, path: String)] {
        log.split(separator: "\n").map { line in
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            return (words[1], words[2])
        }
    }
}

extension FaultTests {
    @Suite("saves that fail")
    struct FailingSavesTests {
        /// Whether every operation of a run fails in turn, not only those of one save: set by launch/dev/fail-saves.
        private static let isExhaustive = ProcessInfo.processInfo.environment["LSTM_DIST_FAIL_SAVES"] == "all"

        /// Three saves, each with a better validation than the previous one; each moves `best` and removes an older
        /// checkpoint.
        private static let config = """
            task: language-model
            data: {train: text.txt, validation_fraction: 0.2}
            model: {hidden: 5, embedding: 3}
            training: {batch: 4, window: 5, steps: 12, optimizer: {name: adam, learning_rate: 0.01}}
            validation: {every_steps: 4}
            checkpoint: {every_steps: 4, keep: 1}
            logging: {every_steps: 1}

            """

        private func folder() throws -> TestFolder {
            try TestFolder().write(inventedText(words: 120), to: "text.txt").write(
                Self.config, to: "run.yaml")
        }

        private func start(
            _ folder: TestFolder, _ run: String, ranks: Int?, _ environment: [String: String] = [:]
        ) async throws -> MPIRun {
            try await folder.lstmDist(
                "train", "run.yaml", "--run", run, "--quiet", ranks: ranks,
                environment: ranks == nil ? environment : environment.merging(MPIRun.usualWaits) { $1 })
        }

        /// An undisturbed run, and its operations on these files.
        private func undisturbed(
            _ folder: TestFolder, _ faults: FileFaults, ranks: Int?
        ) async throws -> (run: RunFiles, operations: [(name: String, path: String)]) {
            let ended = try await start(
                folder, "run", ranks: ranks, faults.listing(in: folder.url(of: "operations").path))
            #expect(ended.exitCode == 0, "\(ended.errors)")
            let operations = FileFaults.operations(try folder.text(of: "operations"))
            try folder.move("run", to: "never")
            return (folder.run("never"), operations)
        }

        /// Runs the same command again, undisturbed.
        private func expectWhole(_ folder: TestFolder, _ never: RunFiles, ranks: Int?, _ what: String) async throws {
            let again = try await start(folder, "run", ranks: ranks)
            #expect(again.exitCode == 0, "\(what): \(again.errors)")
            let run = folder.run("run")
            try expectSame(run, never)
            #expect(try run.target(of: "latest") == never.target(of: "latest"), "\(what)")
            #expect(try run.target(of: "best") == never.target(of: "best"), "\(what)")
            #expect(try run.outcome()["state"]?.stringValue == "done", "\(what)")
            try run.expectTidy()
            try folder.remove("run")
        }

        @Test(
            "each operation of a save fails in turn: once, with the disk full from then on, or by the death of the process",
            .timeLimit(.minutes(60)), arguments: [nil, 2])
        func eachOperation(ranks: Int?) async throws {
            let folder = try folder()
            let faults = try FileFaults(files: "!metrics.jsonl")
            defer { withExtendedLifetime(faults) {} }  // its library is loaded until the run ends
            let (never, operations) = try await undisturbed(folder, faults, ranks: ranks)
            let names = Set(operations.map(\.name))
            #expect(names == ["open", "write", "fsync", "rename", "link", "unlink", "mkdir", "rmdir", "symlink"])
            let second = try #require(operations.firstIndex { $0.path.contains("step-00000008") })
            let third = try #require(operations.firstIndex { $0.path.contains("step-00000012") })
            #expect(third - second > 40)
            var count = 0
            for (index, operation) in operations.enumerated() {
                for mode in FileFaults.Mode.allCases {
                    let isSave = (second..<third).contains(index)
                    // Each operation fails in one of the three ways, so that more than half of a save's operations
                    // fail; on two ranks, only a few.
                    let isChosen = isSave && (index + mode.offset).isMultiple(of: ranks == nil ? 5 : 21)
                    guard Self.isExhaustive || isChosen else { continue }
                    let what = "\(operation.name) \(operation.path), number \(index + 1), \(mode)"
                    let environment = faults.failing(mode.rawValue, at: index + 1)
                    let ended = try await start(folder, "run", ranks: ranks, environment)
                    if isSave { try expect(ended, after: mode, of: operation, ranks: ranks, what) }
                    try await expectWhole(folder, never, ranks: ranks, what)
                    count += 1
                    if Self.isExhaustive { print(what) }
                }
            }
            print(
                "\(count) failures at \(operations.count) operations, on \(ranks.map { "\($0) ranks" } ?? "one rank")")
        }

        /// Checks the end of a run in which an operation of the second save of three failed.
        private func expect(
            _ ended: MPIRun, after mode: FileFaults.Mode, of operation: (name: String, path: String), ranks: Int?,
            _ what: String
        ) throws {
            let warnings = ended.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
            switch mode {
            case .error:
                #expect(ended.exitCode == 0, "\(what): \(ended.errors)")
                // A save makes the folder of checkpoints in case it is missing; here it exists, so nothing is lost.
                guard operation != ("mkdir", "run/checkpoints") else {
                    #expect(warnings == [], "\(what): \(ended.errors)")
                    return
                }
                #expect(warnings.count == 1 && ended.errors.contains("Input/output error"), "\(what): \(ended.errors)")
            case .full:
                #expect(ended.exitCode == 1, "\(what)")
                let last = try #require(ended.errors.split(separator: "\n").last, "\(what)")
                let (beginning, end) = (
                    "lstm-dist: the last state (step 12) could not be saved: ",
                    ". When run is writable again, resume with the same command"
                )
                let place = "No space left on device. The last complete checkpoint is run/checkpoints/step-000000"
                #expect(last.hasPrefix(beginning) && last.contains(place) && last.hasSuffix(end), "\(what): \(last)")
            case .kill:
                #expect(ended.exitCode != 0, "\(what)")
                let host = ProcessInfo.processInfo.hostName
                let said = "lstm-dist: rank 0 on \(host) died without an error message: "
                #expect(ranks == nil ? ended.errors == "" : ended.errors.hasPrefix(said), "\(what): \(ended.errors)")
            }
        }

        @Test(
            "if metrics.jsonl can't be written for a while, there is one warning, and no line is missing or incomplete",
            arguments: ["error", "full:9", "kill"])
        func metrics(mode: String) async throws {
            let folder = try folder()
            let faults = try FileFaults(files: "metrics.jsonl")
            defer { withExtendedLifetime(faults) {} }  // its library is loaded until the run ends
            let (never, operations) = try await undisturbed(folder, faults, ranks: nil)
            #expect(operations.filter { $0.name == "write" }.count == 12 + 3)
            for number in stride(from: 5, through: operations.count, by: Self.isExhaustive ? 1 : 6) {
                let what = "\(operations[number - 1]), number \(number), \(mode)"
                let ended = try await start(folder, "run", ranks: nil, faults.failing(mode, at: number))
                if mode != "kill", number + 9 < operations.count {
                    #expect(ended.exitCode == 0, "\(what): \(ended.errors)")
                    let said = ended.errors.components(separatedBy: "the lines are kept in memory").count - 1
                    #expect(said <= 1, "\(what): \(ended.errors)")
                    #expect(ended.errors.contains("warning: "), "\(what)")
                    #expect(try folder.run("run").lines() == never.lines(), "\(what)")
                }
                try await expectWhole(folder, never, ranks: nil, what)
            }
        }

        @Test("a best state that could not be written is written before the next one")
        func unsavedBest() async throws {
            let folder = try folder()
            // The last step has no validation, so it is never the best one.
            let keys = ["--set", "training.steps=14"]
            let faults = try FileFaults(files: "!metrics.jsonl")
            defer { withExtendedLifetime(faults) {} }  // its library is loaded until the run ends
            let words = ["train", "run.yaml", "--run", "run", "--quiet"] + keys
            let log = folder.url(of: "operations").path
            try await folder.lstmDist(words, environment: faults.listing(in: log))
            let best = try folder.run("run").target(of: "best")
            let operations = FileFaults.operations(try folder.text(of: "operations"))
            let write = try #require(
                operations.firstIndex { $0.name == "write" && $0.path.contains("\(best).tmp") })
            try folder.move("run", to: "never")
            let ended = try await folder.lstmDist(words, environment: faults.failing("error", at: write + 1))
            #expect(ended.exitCode == 0, "\(ended.errors)")
            #expect(ended.errors.contains("could not be saved"), "\(ended.errors)")
            #expect(try folder.run("run").target(of: "best") == best)
            #expect(
                try folder.run("run").model(of: "best").read("output.weight")
                    == folder.run("never").model(of: "best").read("output.weight"))
            #expect(best != (try folder.run("run").target(of: "latest")))
        }
    }
}

extension FileFaults.Mode {
    fileprivate var offset: Int {
        switch self {
        case .error: 0
        case .full: 1
        case .kill: 2
        }
    }
}
