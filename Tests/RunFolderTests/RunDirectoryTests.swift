import FileFormats
import Glibc
import RunFolder
import System
import TestSupport
import Testing

@Suite struct RunDirectoryTests {
    private let folder: TemporaryFolder
    private let run: RunDirectory

    init() throws {
        folder = try TemporaryFolder()
        run = RunDirectory(path: folder.file("runs/x"))
    }

    @Test("preparing creates the folder, its parents and the checkpoints folder, and nothing else")
    func prepare() throws {
        try run.prepare()
        #expect(try folder.names("runs", deep: true) == ["x", "x/checkpoints"])
        try run.prepare()
        #expect(try folder.names("runs", deep: true) == ["x", "x/checkpoints"])
    }

    @Test("slashes at the end of the path don't matter")
    func slashes() {
        #expect(RunDirectory(path: "runs/x//").path == "runs/x")
        #expect(RunDirectory(path: "/").path == "/")
        #expect(RunDirectory(path: "runs/x").checkpointPath(ofStep: 500) == "runs/x/checkpoints/step-00000500")
        #expect(RunDirectory(path: "x").checkpointPath(ofStep: 123_456_789) == "x/checkpoints/step-123456789")
    }

    @Test("the message about a folder that can't be created has the system's reason")
    func unwritable() throws {
        try folder.write("", to: "file")
        #expect(
            errorText(in: folder) { try RunDirectory(path: folder.file("file/x")).prepare() }
                == "The folder file/x cannot be made: Not a directory.")
        #expect(
            errorText(in: folder) { try RunDirectory(path: folder.file("file")).prepare() }
                == "The folder file cannot be made: File exists.")
        #expect(
            errorText { try RunDirectory(path: "/proc/none/x").prepare() }
                == "The folder /proc/none cannot be made: No such file or directory.")
    }

    @Test("an existing folder that can't be written is refused before any work")
    func unwritableFolder() {
        // Nobody can create files in /proc, not even root.
        #expect(
            errorText { try RunDirectory(path: "/proc").prepare() }
                == "Cannot write into the folder /proc: No such file or directory.")
    }

    @Test("a folder is used once it holds a configuration, metrics or a finished checkpoint")
    func isUsed() throws {
        #expect(try !run.isUsed)
        try run.prepare()
        try folder.write("", to: "runs/x/notes.txt")
        try folder.make("runs/x/checkpoints/step-00000005")
        #expect(try !run.isUsed)
        try folder.write("{}", to: "runs/x/checkpoints/step-00000005/state.json")
        #expect(try run.isUsed)
        try run.empty()
        #expect(try !run.isUsed)
        try run.write(config: "task: reber\n")
        #expect(try run.isUsed)
        try run.empty()
        #expect(try !run.isUsed)
        _ = try MetricsFile(path: run.metricsPath)
        #expect(try run.isUsed)
    }

    @Test("the small files are written completely and read back")
    func smallFiles() throws {
        try run.prepare()
        try run.write(config: "task: reber\n")
        try run.write(config: "task: adding\n")
        #expect(try folder.text("runs/x/config.yaml") == "task: adding\n")
        try run.write(environment: ["version": "1.0", "hosts": ["a", "b"]])
        #expect(
            try folder.text("runs/x/environment.json")
                == "{\n  \"version\": \"1.0\",\n  \"hosts\": [\n    \"a\",\n    \"b\"\n  ]\n}\n")
        #expect(try run.readOutcome() == nil)
        let stopped = Outcome(state: .stopped, step: 70, reason: "Asked to.", next: "lstm-dist train")
        try run.write(outcome: stopped)
        #expect(try run.readOutcome() == stopped)
        try run.write(outcome: Outcome(state: .done, step: 80, reason: "All steps are done."))
        #expect(try run.readOutcome() == Outcome(state: .done, step: 80, reason: "All steps are done.", next: nil))
        let text =
            "{\n  \"state\": \"done\",\n  \"step\": 80,\n  \"reason\": \"All steps are done.\",\n  \"next\": null\n}\n"
        #expect(try folder.text("runs/x/outcome.json") == text)
        #expect(try folder.names("runs/x") == ["checkpoints", "config.yaml", "environment.json", "outcome.json"])
    }

    @Test("small files that are missing or damaged are named, with what is expected")
    func damagedFiles() throws {
        try run.prepare()
        func outcome(_ text: String) throws -> String {
            try folder.write(text, to: "runs/x/outcome.json")
            return errorText(in: folder) { _ = try run.readOutcome() }
        }
        #expect(
            try outcome("{") == "runs/x/outcome.json is not valid JSON: line 1, column 2: "
                + "expected a value or '}', found the end.")
        #expect(
            try outcome("{}")
                == "runs/x/outcome.json has no 'state'; one of running, done, stopped, failed is expected.")
        #expect(
            try outcome(#"{"state":"over"}"#)
                == "runs/x/outcome.json has \"over\" for 'state'; one of running, done, stopped, failed is expected.")
        #expect(
            try outcome(#"{"state":"done","step":-1}"#)
                == "runs/x/outcome.json has -1 for 'step'; a whole number, 0 or more is expected.")
        #expect(
            try outcome(#"{"state":"done","step":1,"reason":7}"#)
                == "runs/x/outcome.json has 7 for 'reason'; a text is expected.")
        #expect(try outcome(#"{"state":"done","step":1,"reason":"","later":[]}"#) == "no error")
    }

    @Test("emptying removes the files that runs write, by name, and nothing else; links are not followed")
    func empty() throws {
        try run.prepare()
        let written = [
            "config.yaml", "environment.json", "outcome.json", "failure.json", "metrics.jsonl",
            ".config.yaml.tmp-17", ".config.yaml.tmp-17-0123456789abcdef",
            "checkpoints/step-00000005/model.safetensors",
            "checkpoints/step-00000005/training.safetensors", "checkpoints/step-00000005/vocabulary.json",
            "checkpoints/step-00000005/state.json", "checkpoints/step-00000006/state.json",
            "ranks/rank-00002.json", "ranks/.rank-00002.json.tmp-17", ".failure.json.tmp-17",
            "checkpoints/.step-00000007.tmp-17/model.safetensors", "checkpoints/.step-00000004.old-17/state.json",
        ]
        let foreign = [
            "notes.txt", "config.yaml.old", ".hidden", "metrics.jsonl.tmp-17", "checkpoints/step-5/state.json",
            "checkpoints/step-00000006/mine.txt", "checkpoints/other", "more/config.yaml", "report.html",
            "events.out.tfevents.17.host",
        ]
        for name in ["more", "ranks"]
            + ["step-00000005", "step-00000006", ".step-00000007.tmp-17", ".step-00000004.old-17", "step-5"]
            .map({ "checkpoints/\($0)" })
        {
            try folder.make("runs/x/\(name)")
        }
        for name in written + foreign { try folder.write("?", to: "runs/x/\(name)") }
        try folder.make("elsewhere")
        try folder.write("?", to: "elsewhere/state.json")
        try folder.link("runs/x/checkpoints/best", to: "step-00000005")
        try folder.link("runs/x/checkpoints/step-00000009", to: folder.file("elsewhere"))
        try folder.remove("runs/x/outcome.json")
        try folder.link("runs/x/outcome.json", to: folder.file("elsewhere/state.json"))

        try run.empty()
        let folders = ["checkpoints", "checkpoints/step-5", "checkpoints/step-00000006", "more"]
        #expect(try folder.names("runs/x", deep: true) == (foreign + folders).sorted())
        #expect(try folder.names("elsewhere") == ["state.json"])
    }

    @Test("emptying a run folder without foreign files leaves an empty folder; a missing one stays missing")
    func emptyWithoutForeignFiles() throws {
        try run.empty()
        #expect(try folder.names("") == [])
        try run.prepare()
        try run.write(config: "")
        try run.empty()
        #expect(try folder.names("runs", deep: true) == ["x"])
    }

    @Test("emptying removes a link in place of the checkpoints folder, and nothing in its target")
    func emptyLinked() throws {
        try folder.make("runs/x")
        try folder.make("scratch/step-00000005")
        try folder.make("scratch/.step-00000006.tmp-17")
        try folder.write("{}", to: "scratch/step-00000005/state.json")
        try folder.link("runs/x/checkpoints", to: folder.file("scratch"))
        try run.empty()
        #expect(try folder.names("runs/x") == [])
        #expect(
            try folder.names("scratch", deep: true)
                == [".step-00000006.tmp-17", "step-00000005", "step-00000005/state.json"])
    }
}

@Suite struct AtomicFileTests {
    @Test("a body that throws leaves the old contents and no other files")
    func failing() throws {
        struct Stop: Error {}
        let folder = try TemporaryFolder()
        try AtomicFile.write("old", to: folder.file("x"))
        var passing: [String] = []
        for _ in 1...2 {
            #expect(throws: Stop.self) {
                try AtomicFile.write(to: folder.file("x")) { file in
                    try file.write("new")
                    passing.append(try #require(try folder.names("").first))
                    #expect(try folder.names("").count == 2)
                    throw Stop()
                }
            }
        }
        // An unpredictable name: a different one each time.
        for name in passing { #expect(name.wholeMatch(of: #/\.x\.tmp-\d+-[0-9a-f]{16}/#) != nil, "\(name)") }
        #expect(Set(passing).count == 2)
        #expect(try folder.text("x") == "old")
        #expect(try folder.names("") == ["x"])
    }

    @Test("readers of the old file keep its contents")
    func oldReaders() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write("old", to: folder.file("x"))
        let old = try OpenFile.reading(folder.file("x"))
        try AtomicFile.write("new and longer", to: folder.file("x"))
        #expect(try old.bytes(count: 100) == Array("old".utf8))
        #expect(try folder.text("x") == "new and longer")
    }

    @Test("a link gets another target; a folder with its name is not replaced")
    func link() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.link(folder.file("best"), to: "a")
        try AtomicFile.link(folder.file("best"), to: "b")
        #expect(try folder.target("best") == "b")
        try folder.make("latest")
        #expect(
            errorText(in: folder) { try AtomicFile.link(folder.file("latest"), to: "a") }
                == "latest cannot be replaced or removed: Is a directory.")
        #expect(try folder.names("") == ["best", "latest"])
    }

    @Test("a folder that isn't there is named")
    func noFolder() throws {
        let folder = try TemporaryFolder()
        #expect(
            errorText(in: folder) { try AtomicFile.write("", to: folder.file("none/x")) }
                == "none/.x.tmp-\(getpid()) cannot be written: No such file or directory.")
    }
}
