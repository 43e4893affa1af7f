// Run folders from an untrusted source: links to other places, sparse files, very long lines.

import FileFormats
import Glibc
import RunFolder
import System
import TestSupport
import Testing

@Suite struct HostileFolderTests {
    private let maker: CheckpointMaker
    private var folder: TemporaryFolder { maker.folder }
    private var run: RunDirectory { maker.run }

    init() throws { maker = try CheckpointMaker() }

    private func resolving(_ argument: String = "runs/x") -> String {
        errorText(in: folder) { _ = try RunDirectory.resolve(folder.file(argument)) }
    }

    @Test("best and latest may only link to a checkpoint in the same folder", arguments: ["best", "latest"])
    func links(name: String) throws {
        try maker.write(10)
        try folder.copy(maker.place("step-00000010"), to: "elsewhere")
        for target in [
            "../../../elsewhere", folder.file("elsewhere"), "./step-00000010", "../checkpoints/step-00000010",
        ] {
            for link in ["best", "latest"] { try? folder.remove(maker.place(link)) }
            try folder.link(maker.place(name), to: target)
            let shown = target.replacing(folder.path + "/", with: "")
            #expect(
                resolving()
                    == "runs/x/checkpoints/\(name) is a symbolic link to \(shown); the name of a checkpoint's folder "
                    + "next to it, such as step-00000500, is expected.")
        }
        // A link that the user names is followed.
        try folder.link("mine", to: "elsewhere")
        #expect(resolving("mine") == "no error")
    }

    @Test("a checkpoint's folder that is a link is skipped with a message")
    func linkedFolder() throws {
        try maker.write(10)
        try folder.move(maker.place("step-00000010"), to: "elsewhere")
        try folder.link(maker.place("step-00000010"), to: "../../../elsewhere")
        let words = "step-00000010 is a symbolic link to ../../../elsewhere; a checkpoint's folder itself is expected."
        let (checkpoint, damaged) = try run.newestCheckpoint()
        #expect(checkpoint == nil)
        #expect(damaged.map { $0.replacing(run.checkpointsPath + "/", with: "") } == [words])
        #expect(resolving() == "runs/x/checkpoints/\(words)", "latest leads to it")
    }

    @Test(
        "a checkpoint's file that is a link is refused",
        arguments: ["model.safetensors", "state.json", "vocabulary.json"])
    func linkedFile(name: String) throws {
        try maker.write(10, vocabulary: "[]")
        try folder.move(maker.place("step-00000010/\(name)"), to: "elsewhere")
        try folder.link(maker.place("step-00000010/\(name)"), to: folder.file("elsewhere"))
        let words =
            "runs/x/checkpoints/step-00000010/\(name) is a symbolic link to elsewhere; the checkpoint's file itself is "
            + "expected."
        #expect(resolving() == words)
        #expect(resolving(maker.place("step-00000010")) == words)
    }

    @Test("a run folder may be a link, its folder of checkpoints may not")
    func linkedFolders() throws {
        try maker.write(10)
        try folder.link("run", to: "runs/x")
        #expect(resolving("run") == "no error")
        try RunDirectory(path: folder.file("run")).prepare()
        try folder.move("runs/x/checkpoints", to: "elsewhere")
        try folder.link("runs/x/checkpoints", to: "../../elsewhere")
        let words =
            "runs/x/checkpoints is a symbolic link to ../../elsewhere; a folder (--run may name a run folder in another place) "
            + "is expected."
        #expect(resolving() == words)
        #expect(errorText(in: folder) { try run.prepare() } == words)
        #expect(errorText(in: folder) { _ = try run.newestCheckpoint() } == words)
    }

    @Test("a metrics.jsonl that is a link is neither written nor cut")
    func linkedMetrics() throws {
        try folder.write("what somebody needs\n", to: "elsewhere")
        try folder.link("runs/x/metrics.jsonl", to: "../../elsewhere")
        #expect(
            errorText(in: folder) { _ = try MetricsFile(path: run.metricsPath) }
                == "runs/x/metrics.jsonl is a symbolic link to ../../elsewhere; a file in the run folder itself is expected."
        )
        #expect(try folder.text("elsewhere") == "what somebody needs\n")
    }

    @Test("links with the names of files to be written are never followed")
    func plantedLinks() throws {
        try folder.write("precious", to: "mine")
        try folder.make("mine.d")
        let process = getpid()
        let names = [
            ".probe", ".lock", ".stop", ".config.yaml", ".environment.json", ".outcome.json", ".failure.json",
            ".metrics.jsonl", "ranks/.rank-00000.json", "checkpoints/.probe", "checkpoints/.latest",
        ]
        func plant() throws {
            try? folder.make("runs/x/ranks")
            for name in names {
                try? folder.remove("runs/x/\(name).tmp-\(process)")
                try folder.link("runs/x/\(name).tmp-\(process)", to: folder.file("mine"))
            }
            try? folder.remove(maker.place(".step-00000010.tmp-\(process)"))
            try folder.link(maker.place(".step-00000010.tmp-\(process)"), to: folder.file("mine.d"))
        }
        try plant()
        let lock = try RunLock.take(run, host: "here", job: nil)
        try run.prepare()
        // None of these is left; they may be planted again at any time.
        #expect(try folder.names("runs/x").filter { $0.hasPrefix(".") } == [])
        try plant()
        try run.write(config: "task: reber\n")
        try run.write(environment: ["version": "1"])
        try run.write(outcome: Outcome(state: .running, step: 0, reason: ""))
        try run.write(StopRequest.now)
        try run.write(failure: Failure(rank: 0, host: "", step: 0, phase: "", cause: "", time: ""))
        try run.write(
            note: RankNote(
                rank: 0, host: "", phase: "", step: 0, calls: 0, waitingIn: nil, seconds: 0, beat: 0, asks: false))
        let line = #"{"split":"train","step":1}"#
        try folder.write("\(line)\nno line\n\(line)\n", to: "runs/x/metrics.jsonl")
        try MetricsFile(path: run.metricsPath).cut(after: 1)
        try plant()
        try maker.write(10)
        lock.release()
        #expect(try folder.text("mine") == "precious")
        #expect(try folder.names("mine.d") == [])
        #expect(try folder.text("runs/x/stop") == "now\n")
    }

    @Test("a pipe instead of a file is refused without waiting for a writer")
    func pipes() throws {
        try maker.write(10)
        for name in ["runs/x/outcome.json", "runs/x/metrics.jsonl"] {
            try #require(mkfifo(folder.file(name), 0o600) == 0)
        }
        let words = "is a folder, a pipe or a device; a file is needed here."
        #expect(errorText(in: folder) { _ = try run.readOutcome() } == "runs/x/outcome.json \(words)")
        #expect(
            errorText(in: folder) { _ = try MetricsFile.lines(of: run.metricsPath) } == "runs/x/metrics.jsonl \(words)")
    }

    @Test("sparse files of a terabyte are refused and take no memory")
    func holes() throws {
        try maker.write(10, vocabulary: "[]")
        let names = ["state.json", "vocabulary.json", "model.safetensors"].map { maker.place("step-00000010/\($0)") }
        try folder.write("", to: "runs/x/outcome.json")
        for name in names + ["runs/x/outcome.json"] { try #require(truncate(folder.file(name), 1 << 40) == 0) }
        let refused = resolving()
        #expect(refused.hasPrefix("runs/x/checkpoints/step-00000010/state.json is not valid JSON: line "), "\(refused)")
        #expect(refused.hasSuffix("column 1: expected the end, found byte 0."), "\(refused)")
        #expect(
            errorText(in: folder) { _ = try run.readOutcome() }
                == "runs/x/outcome.json is not valid JSON: line 1, column 1: expected a value, found byte 0.")
        try maker.write(10, vocabulary: "[]")
        try #require(truncate(folder.file(names[1]), 1 << 40) == 0)
        #expect(try Checkpoint(path: run.checkpointPath(ofStep: 10)).artifacts.first?.text.hasPrefix("[]\0") == true)
    }

    @Test("a line longer than a megabyte is ignored, and removed when the file is cut")
    func longLines() throws {
        let line = #"{"split":"train","step":1}"#
        let long = #"{"split":"train","step":1,"x":""# + String(repeating: "x", count: 1 << 20) + #""}"#
        let blank = line + String(repeating: " ", count: 1 << 20)
        try folder.write([line, long, line, blank, line].joined(separator: "\n"), to: "runs/x/metrics.jsonl")
        #expect(try MetricsFile.lines(of: run.metricsPath).count == 3)
        let (kept, removed) = try MetricsFile(path: run.metricsPath).cut(after: 1)
        #expect(kept == 3 && removed == 2)
        #expect(try folder.text("runs/x/metrics.jsonl") == [line, line, line, ""].joined(separator: "\n"))
    }
}
