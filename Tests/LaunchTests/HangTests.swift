// A rank is stopped, killed or slow in each phase: how the others end, and what they report.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

extension FaultTests {
    @Suite("ranks that wait without end")
    struct HangTests {
        /// Seconds; long enough for the notes of ranks that share cores.
        private static let timeout = 5
        private static let host = ProcessInfo.processInfo.hostName

        private static func config(validatesEvery steps: Int) -> String {
            """
            task: language-model
            data: {train: text.txt, validation: long.txt, tokenizer: byte}
            model: {hidden: 16, embedding: 4}
            training: {batch: 6, window: 5, steps: 1000000}
            validation: {every_steps: \(steps), batch: 3}
            checkpoint: {every_steps: 1000000}
            communication: {timeout: \(timeout)}
            logging: {every_steps: 1}

            """
        }

        private func folder(validatesEvery steps: Int = 1_000_000) throws -> TestFolder {
            try TestFolder.withText(Self.config(validatesEvery: steps)).write(
                inventedText(words: 60000, seed: 2), to: "long.txt")
        }

        /// Starts three runs of three ranks concurrently, in each of which `stop` stops a different rank, and returns
        /// how all ended. A remaining process fails the test.
        private func harm(
            _ folders: [TestFolder], _ words: [String], of program: URL? = nil, environment: [String: String] = [:],
            _ stop: @escaping @Sendable (_ folder: URL, _ rank: Int, _ processes: [Int32]) async throws -> Void
        ) async throws -> [MPIRun] {
            try await withThrowingTaskGroup(of: (Int, MPIRun).self) { group in
                for rank in 0..<3 {
                    let url = folders[rank].url
                    group.addTask {
                        let run = try StartedRun(
                            program ?? TestFolder.program, words, ranks: program == nil ? 3 : nil, in: url,
                            environment: environment.merging(MPIRun.usualWaits) { $1 })
                        let ranks = try await run.ranks(3)
                        if ranks.count == 3 { try await stop(url, rank, ranks) }
                        let ended = try await run.result()
                        // mpirun kills the remaining ranks and exits; the system needs a moment for it.
                        try await Self.wait { !ranks.contains { StartedRun.lives($0) } }
                        return (rank, ended)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
            }
        }

        /// Waits until `condition` is true.
        private static func wait(until condition: () -> Bool) async throws {
            try #require(await becomesTrue(condition))
        }

        private static func text(_ name: String, in folder: URL) -> String {
            (try? String(contentsOf: folder.appending(path: name), encoding: .utf8)) ?? ""
        }

        /// Expects one line that names the stopped rank, and the same in failure.json.
        private func expectReport(_ run: MPIRun, of rank: Int, in phases: String..., of folder: TestFolder) throws {
            #expect(run.exitCode == 70)
            let cause =
                #/lstm-dist: (rank (\d) on (\S+) has waited \d+ s in ([^,]+), in ([a-z-]+)( after step (\d+))?: (.*))\. The job .*\n/#
            let report = try #require(run.errors.wholeMatch(of: cause)?.output, "\(run.errors)")
            let phase = String(report.5)
            #expect(report.2 != "\(rank)" && report.3 == Self.host && phases.contains(phase), "\(report.0)")
            #expect(report.8 == "rank \(rank) on \(Self.host) has not arrived: it is stopped (SIGSTOP)")
            let failure = try JSONValue(parsing: folder.text(of: "run/failure.json"))
            #expect(failure["rank"]?.integerValue == rank)
            #expect(failure["host"]?.stringValue == Self.host)
            #expect(failure["step"]?.integerValue == report.7.flatMap { Int($0) })
            #expect(failure["phase"]?.stringValue == phase)
            #expect(failure["cause"]?.stringValue == String(report.1))
            #expect(failure["time"]?.stringValue?.hasSuffix("Z") == true)
        }

        @Test("a rank that is stopped in training is named by the others, which exit with 70; the run can be resumed")
        func training() async throws {
            let folders = try (0..<3).map { _ in try folder() }
            let runs = try await harm(folders, ["train", "small.yaml", "--run", "run", "--quiet"]) { url, rank, ranks in
                try await Self.wait { Self.text("run/metrics.jsonl", in: url).contains("\"step\":5,") }
                kill(ranks[rank], SIGSTOP)
            }
            for rank in 0..<3 { try expectReport(runs[rank], of: rank, in: "training", of: folders[rank]) }
            let status = try await folders[1].lstmDist("status", "run").output
            #expect(status.contains("\nfailure     rank 1 on \(Self.host), after step "), "\(status)")
            // Files that the last job left are not used by the next one.
            #expect(folders[1].has("run/ranks"))
            try await folders[1].train("small.yaml", into: "run", ranks: 2, set: ["training.steps=5"])
            #expect(!folders[1].has("run/ranks"))
            #expect(!folders[1].has("run/failure.json"))
        }

        @Test("a rank that is stopped while it validates is named")
        func validation() async throws {
            let folders = try (0..<3).map { _ in try folder(validatesEvery: 1) }
            let runs = try await harm(folders, ["train", "small.yaml", "--run", "run", "--quiet"]) { url, rank, ranks in
                // The first validation and its checkpoint are complete; the second one begins.
                try await Self.wait { Self.text("run/metrics.jsonl", in: url).contains("\"step\":2,") }
                try await Task.sleep(for: .milliseconds(100))
                kill(ranks[rank], SIGSTOP)
            }
            for rank in 0..<3 { try expectReport(runs[rank], of: rank, in: "validation", of: folders[rank]) }
        }

        @Test("a rank that is stopped while rank 0 writes a checkpoint is named")
        func checkpoint() async throws {
            let disk = try SlowDisk()
            defer { withExtendedLifetime(disk) {} }  // its library is loaded until the run ends
            let folders = try (0..<3).map { _ in try folder() }
            let words = ["train", "small.yaml", "--run", "run", "--quiet", "--set", "training.steps=2"]
            let runs = try await harm(folders, words, environment: disk.environment(seconds: 2)) { url, rank, ranks in
                try await Self.wait { SlowDisk.isWriting(in: url) }
                kill(ranks[rank], SIGSTOP)
            }
            try expectReport(runs[0], of: 0, in: "checkpoint", of: folders[0])
            // The others' messages at the checkpoint may have been sent when they were stopped.
            for rank in 1..<3 {
                try expectReport(runs[rank], of: rank, in: "checkpoint", "saving", "exit", of: folders[rank])
            }
        }

        @Test("if a rank is stopped before there is a run folder, each waiting rank reports it")
        func startUp() async throws {
            let folders = try (0..<3).map { _ in try folder() }
            // Rank 0 waits for its configuration, the others for rank 0.
            var pipes: [Int32] = []
            defer { for pipe in pipes { close(pipe) } }
            for folder in folders {
                #expect(mkfifo(folder.url(of: "late").path, 0o600) == 0)
                // Opened for writing only, it would wait for a reader.
                pipes.append(open(folder.url(of: "late").path, O_RDWR))
            }
            let script =
                "exec mpirun -q -n 3 \"$0\" train - --run run --set communication.timeout=\(Self.timeout) <late"
            let runs = try await harm(
                folders, ["-c", script, TestFolder.program.path], of: URL(filePath: "/bin/sh")
            ) { _, rank, ranks in
                // Waiting ranks spin, and rank 0 sleeps until something can be read. Before, while the ranks meet, it
                // sleeps for moments only.
                var since: ContinuousClock.Instant?
                try await Self.wait {
                    guard ranks.map({ StartedRun.state(of: $0) }) == ["S", "R", "R"] else {
                        since = nil
                        return false
                    }
                    let began = since ?? ContinuousClock.now
                    since = began
                    return ContinuousClock.now - began > .seconds(1)
                }
                kill(ranks[rank], SIGSTOP)
            }
            for rank in 0..<3 {
                #expect(runs[rank].exitCode == 70)
                let lines = runs[rank].errors.split(separator: "\n")
                #expect(!lines.isEmpty && lines.count <= 2)
                for line in lines {
                    let report = try #require(
                        line.wholeMatch(
                            of:
                                #/lstm-dist: rank (\d) on (\S+) has waited \d+ s in MPI_\w+, in start-up: (.*)\. The job ends .* 70/#
                        )?.output, "\(line)")
                    #expect(report.1 != "\(rank)" && report.2 == Self.host)
                    #expect(report.3 == "rank \(rank) on \(Self.host) has not arrived: it is stopped (SIGSTOP)")
                }
                #expect(!folders[rank].has("run"))
            }
        }

        @Test("a killed rank ends all others, and another rank reports which one it was")
        func killed() async throws {
            let folders = try (0..<3).map { _ in try folder() }
            let runs = try await harm(folders, ["train", "small.yaml", "--run", "run", "--quiet"]) { url, rank, ranks in
                try await Self.wait { Self.text("run/metrics.jsonl", in: url).contains("\"step\":5,") }
                kill(ranks[rank], SIGKILL)
            }
            for rank in 0..<3 {
                let cause = "rank \(rank) on \(Self.host) died without an error message: killed, or crashed"
                #expect(runs[rank].exitCode == 137)
                #expect(
                    runs[rank].errors
                        == "lstm-dist: \(cause). The job ends; started again, it resumes from its last checkpoint\n")
                let failure = try JSONValue(parsing: folders[rank].text(of: "run/failure.json"))
                #expect(failure["rank"]?.integerValue == rank)
                #expect(failure["phase"]?.stringValue == "training")
                #expect(failure["cause"]?.stringValue == cause)
            }
        }

        @Test(
            "a checkpoint that takes longer than the timeout is not a hang; the waiting ranks' notes are removed afterwards"
        )
        func slowCheckpoint() async throws {
            let disk = try SlowDisk()
            defer { withExtendedLifetime(disk) {} }  // its library is loaded until the run ends
            let folder = try folder()
            let run = try folder.start(
                "train", "small.yaml", "--run", "run", "--quiet", "--set", "training.steps=2", "--set",
                "communication.timeout=3", ranks: 3, environment: disk.environment(seconds: 6))
            try await Self.wait { Self.text("run/ranks/rank-00000.json", in: folder.url).contains("\"checkpoint\"") }
            try await Self.wait { Self.text("run/ranks/rank-00001.json", in: folder.url).contains("\"asks\": true") }
            let ended = try await run.result()
            #expect(ended.exitCode == 0, "\(ended.errors)")
            #expect(ended.errors == "")
            #expect(try folder.run("run").outcome()["state"]?.stringValue == "done")
            #expect(!folder.has("run/failure.json"))
            #expect(!folder.has("run/ranks"))
        }

        @Test("a run without long waits leaves no notes")
        func healthy() async throws {
            let folder = try folder()
            try await folder.train(
                "small.yaml", into: "run", ranks: 3, set: ["training.steps=30", "communication.timeout=1"])
            #expect(!folder.has("run/ranks"))
            #expect(!folder.has("run/failure.json"))
        }

        @Test("an error that ends a run is written to failure.json with the step and the phase")
        func failure() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--quiet", "--set",
                "training.optimizer={name: sgd, learning_rate: 1.0e+6, weight_decay: 1.0e+6}", "--set",
                "training.clip_norm=0", ranks: 3)
            #expect(run.exitCode == 1)
            let failure = try JSONValue(parsing: folder.text(of: "run/failure.json"))
            #expect(failure["phase"]?.stringValue == "training")
            let cause = try #require(failure["cause"]?.stringValue)
            #expect(run.errors == "lstm-dist: \(cause)\n")
            let step = try #require(failure["step"]?.integerValue)
            #expect(cause.hasPrefix("step \(step + 1): "))
        }
    }
}

/// A preloaded library that slows the disk down for the files of a checkpoint.
private struct SlowDisk {
    private let library: PreloadedLibrary

    init() throws { library = try PreloadedLibrary("slow_disk.c") }

    func environment(seconds: Int) -> [String: String] {
        ["LD_PRELOAD": library.path, "SLOW_DISK_SECONDS": "\(seconds)"]
    }

    /// Whether a checkpoint has been begun in the folder's run folder.
    static func isWriting(in folder: URL) -> Bool {
        let names = try? FileManager.default.subpathsOfDirectory(atPath: folder.appending(path: "run/checkpoints").path)
        return names?.contains { $0.hasSuffix("model.safetensors") } ?? false
    }
}
