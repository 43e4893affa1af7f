import FileFormats
import Glibc
import RunFolder
import TestSupport
import Testing

@Suite("Which folders may become a run folder")
struct OwnershipTests {
    private let folder: TemporaryFolder
    private let run: RunDirectory

    init() throws {
        folder = try TemporaryFolder()
        try folder.make("x")
        run = RunDirectory(path: folder.file("x"))
    }

    private func refusal(reading configuration: String = "small.yaml") -> String {
        errorText(in: folder) { try run.requireOwn(reading: folder.file(configuration)) }
    }

    private static let environment: JSONValue = ["version": "1.0", "ranks": 2]

    @Test("a new folder, an empty one, and a foreign one without a run's file names are accepted")
    func free() throws {
        #expect(refusal() == "no error")
        try folder.write("mine", to: "x/notes.txt")
        try folder.make("x/checkpoints")
        #expect(refusal() == "no error")
        try folder.remove("x")
        #expect(refusal() == "no error")
    }

    @Test(
        "foreign files with a run's file names are not replaced",
        arguments: [
            ("config.yaml", "task: reber\n"), ("environment.json", "{\"name\": \"conda\"}"), ("outcome.json", "guilty"),
            ("outcome.json", "{}"), ("failure.json", "[]"), ("metrics.jsonl", "loss 3\n"),
            ("metrics.jsonl", "{\"a\": 1}\n"),
            ("lock", "door"), ("stop", "the press"),
        ])
    func foreign(name: String, text: String) throws {
        try folder.write(text, to: "x/\(name)")
        #expect(
            refusal()
                == "x/\(name) was not written by lstm-dist, and the run would replace or remove it; give another --run."
        )
        #expect(try folder.text("x/\(name)") == text)
        // In a run's folder, files with these names belong to the run, whatever they contain.
        try run.write(environment: Self.environment)
        #expect(refusal() == "no error")
        if name != "environment.json" {
            try folder.remove("x/environment.json")
            try folder.make("x/checkpoints/step-00000005")
            try folder.write("{}", to: "x/checkpoints/step-00000005/state.json")
            #expect(refusal() == "no error")
        }
    }

    @Test("files that this program wrote before it died are recognised")
    func unfinished() throws {
        let lock = try RunLock.take(run, host: "here", job: nil)
        #expect(refusal() == "no error")
        lock.release()
        for text in ["", "\0\0\0\0", "{\"host\": "] {
            try folder.write(text, to: "x/lock")
            #expect(refusal() == "no error", "\(text)")
        }
        for text in ["", "now\n", "checkpoint"] {
            try folder.write(text, to: "x/stop")
            #expect(refusal() == "no error", "\(text)")
        }
        try run.write(outcome: Outcome(state: .done, step: 1, reason: ""))
        try run.write(failure: Failure(rank: 0, host: "", step: 0, phase: "", cause: "", time: ""))
        try folder.write("", to: "x/metrics.jsonl")
        #expect(refusal() == "no error")
        try folder.write(#"{"split":"train","step":1}"# + "\n{\"sp", to: "x/metrics.jsonl")
        #expect(refusal() == "no error")
    }

    @Test("the configuration that is being read is not replaced, whatever its name and its author")
    func configuration() throws {
        try folder.make("x")
        try run.write(environment: Self.environment)
        try run.write(config: "task: reber\n")
        #expect(refusal() == "no error")
        try folder.link("small.yaml", to: "x/config.yaml")
        let words =
            "x/config.yaml is the configuration that is being read, and the run would replace it; give another --run."
        #expect(refusal() == words)
        #expect(refusal(reading: "x/config.yaml") == words)
    }

    @Test("folders and pipes with a run's file names are refused; the root folder can't be a run folder")
    func inTheWay() throws {
        try folder.make("x/stop")
        #expect(refusal() == "x/stop is a folder, a pipe or a device; a file is needed here.")
        // It isn't a request to stop either.
        #expect(run.readStopRequest() == nil)
        try folder.remove("x/stop")
        try #require(mkfifo(folder.file("x/lock"), 0o600) == 0)
        #expect(refusal() == "x/lock is a folder, a pipe or a device; a file is needed here.")
        #expect(
            errorText { try RunDirectory(path: "/../").requireOwn(reading: "") }
                == "/.. is the root folder; give another --run.")
    }

    @Test("whether a folder can be created or written is determined without changing anything")
    func writable() throws {
        func refusal(_ path: String) -> String {
            errorText(in: folder) { try RunDirectory(path: folder.file(path)).requireWritable() }
        }
        #expect(refusal("x") == "no error")
        #expect(refusal("x/a/b/c") == "no error")
        #expect(errorText { try RunDirectory(path: "not/yet/there").requireWritable() } == "no error")
        try folder.write("", to: "file")
        #expect(refusal("file") == "The folder file cannot be made: File exists.")
        #expect(refusal("file/x") == "The folder file/x cannot be made: Not a directory.")
        #expect(try folder.names("x") == [])
        // Root may write to any folder.
        if getuid() != 0 {
            try #require(chmod(folder.file("x"), 0o555) == 0)
            #expect(refusal("x") == "Cannot write into the folder x: Permission denied.")
            #expect(refusal("x/a") == "The folder x/a cannot be made: Permission denied.")
        }
    }
}
