import FileFormats
import Glibc
import RunFolder
import System
import TestSupport
import Testing

@Suite struct MetricsFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var path: String { folder.file("metrics.jsonl") }

    private func line(_ split: String, _ step: Int) -> String { #"{"split":"\#(split)","step":\#(step),"loss":0.5}"# }

    /// The lines of `text` that are kept when it is cut after `step`.
    private func cut(_ text: String, after step: Int) throws -> String {
        try folder.write(text, to: "metrics.jsonl")
        try MetricsFile(path: path).cut(after: step)
        return try folder.text("metrics.jsonl")
    }

    @Test("each line is in the file as soon as it is added")
    func append() throws {
        let metrics = try MetricsFile(path: path)
        try metrics.append(["split": "train", "step": 1, "loss": .float(1.1)])
        #expect(try folder.text("metrics.jsonl") == "{\"split\":\"train\",\"step\":1,\"loss\":1.1}\n")
        try metrics.append(["split": "validation", "step": 1, "loss": .float(.nan)])
        try metrics.sync()
        #expect(
            try folder.text("metrics.jsonl")
                == "{\"split\":\"train\",\"step\":1,\"loss\":1.1}\n{\"split\":\"validation\",\"step\":1,\"loss\":null}\n"
        )
    }

    @Test("a file that is opened again is appended to")
    func reopen() throws {
        try MetricsFile(path: path).append(["step": 1])
        try MetricsFile(path: path).append(["step": 2])
        #expect(try folder.text("metrics.jsonl") == "{\"step\":1}\n{\"step\":2}\n")
    }

    @Test("a cut for a checkpoint that was written before its step's validation drops that validation's line")
    func owedValidation() throws {
        let kept = [line("train", 10), line("validation", 10), line("train", 20)].map { $0 + "\n" }.joined()
        try folder.write(kept + line("validation", 20) + "\n", to: "metrics.jsonl")
        try MetricsFile(path: path).cut(after: 20, beforeValidation: true)
        #expect(try folder.text("metrics.jsonl") == kept)
    }

    @Test("a cut keeps the lines up to the checkpoint's step, including that step's train and validation lines")
    func laterSteps() throws {
        let kept = [line("train", 10), line("train", 20), line("validation", 20)]
        let gone = [line("train", 21), line("train", 30), line("validation", 30)]
        let all = (kept + gone).map { $0 + "\n" }.joined()
        #expect(try cut(all, after: 20) == kept.map { $0 + "\n" }.joined())
        #expect(try cut(all, after: 30) == all)
        #expect(try cut(all, after: 9) == "")
        try folder.write(all, to: "metrics.jsonl")
        let counts = try MetricsFile(path: path).cut(after: 20)
        #expect(counts == (kept: 3, removed: 3))
    }

    @Test("a cut drops the test line, even that of the checkpoint's step")
    func testLine() throws {
        let kept = line("train", 20) + "\n" + line("validation", 20) + "\n"
        #expect(try cut(kept + line("test", 20) + "\n", after: 20) == kept)
        #expect(try cut(line("test", 20) + "\n" + kept, after: 20) == kept)
    }

    @Test("a line that a crash truncated is dropped, whatever its length")
    func truncated() throws {
        let kept = line("train", 10) + "\n"
        let last = line("train", 20)
        for length in 0..<last.count {
            #expect(try cut(kept + last.prefix(length), after: 20) == kept)
        }
        #expect(try cut(kept + last, after: 20) == kept + last + "\n", "only its newline was missing")
        #expect(try cut(kept + last, after: 10) == kept)
        #expect(try cut(kept + String(repeating: "\0", count: 100), after: 20) == kept)
        #expect(try cut(kept + "\n[20]\n{\"step\":\"20\"}\n" + last + "\n", after: 20) == kept + last + "\n")
    }

    @Test("lines that are out of order are cut one by one")
    func outOfOrder() throws {
        let lines = [5, 30, 6, 40, 7].map { line("train", $0) + "\n" }
        #expect(try cut(lines.joined(), after: 10) == lines[0] + lines[2] + lines[4])
        #expect(try folder.names("") == ["metrics.jsonl"])
    }

    @Test("invalid lines that resemble this program's are dropped, and valid ones in another notation are kept")
    func unusual() throws {
        let torn = [
            #"{"split":"train","step":5,"los}"#, #"{"split":"train","step":5,"loss":1.}"#,
            #"{"split":"train","step":5,}"#,
            #"{"split":"train","step":5,"loss":0.5"loss":1}"#, #"{"split":"train","step":5,"loss":-}"#,
            #"{"split":"train","step":5,"loss":nul}"#, #"{"split":"train","step":05}"#, #"{"split":"train","step":5]"#,
            #"{"split":"train","step":5,"los{"split":"train","step":5}"#, #"{"split":"train"}"#, "{}", "{",
            #"{"split":"train","step":-0}"#,
        ]
        let whole = [
            #"{ "split": "train", "step": 5 }"#, #"{"step":5,"split":"train"}"#, #"{"split":"tr\u0061in","step":5}"#,
            #"{"split":"train","step":5,"loss":null,"a":"ä","b":[1],"c":true}"#,
            #"{"split":"train","step":5,"loss":-1.5e-07,"rate":0.001,"name":"x, y"}"#,
        ]
        let all = (torn + whole).map { $0 + "\n" }
        #expect(try cut(all.joined(), after: 5) == all.suffix(whole.count).joined())
        #expect(try cut(all.joined(), after: 4) == "")
    }

    @Test("of many lines those after the step are cut")
    func manyLines() throws {
        let block = (0..<10_000).map {
            #"{"split":"train","step":\#($0),"epoch":1,"loss":2.0154,"learning_rate":0.001,"seconds":12.345,"ranks":2}"#
                + "\n"
        }.joined()
        let file = try OpenFile.appending(path)
        for _ in 0..<20 { try file.write(block) }
        let lines = try MetricsFile(path: path).cut(after: 9_899)
        #expect(lines.kept == 20 * 9_900 && lines.removed == 20 * 100)
    }

    @Test("a resumed run's lines follow those that were kept", arguments: ["train", "test"])
    func appendAfterCut(split: String) throws {
        // With a test line, the file is rewritten; with a train line, it is truncated.
        try folder.write(
            line(split, 11) + "\n" + line("train", 10) + "\n" + line("train", 12) + "\n", to: "metrics.jsonl")
        let metrics = try MetricsFile(path: path)
        try metrics.cut(after: 10)
        try metrics.append(["step": 11])
        try metrics.cut(after: 10)
        try metrics.append(["step": 12])
        #expect(try folder.text("metrics.jsonl") == line("train", 10) + "\n{\"step\":12}\n")
    }

    @Test("an empty file stays empty")
    func empty() throws {
        #expect(try cut("", after: 0) == "")
    }

    @Test("the message about a metrics file that can't be created names it")
    func unwritable() throws {
        #expect(
            errorText(in: folder) { _ = try MetricsFile(path: folder.file("none/metrics.jsonl")) }
                == "none/metrics.jsonl cannot be written: No such file or directory.")
    }

    @Test("only the end of a long file is read for the last lines", .timeLimit(.minutes(1)))
    func lastLinesOfLongFile() throws {
        try folder.write(line("validation", 1) + "\n", to: "metrics.jsonl")
        // A sparse terabyte, which reads as zeros.
        try #require(truncate(path, 1 << 40) == 0)
        let file = try OpenFile.appending(path)
        try file.write("\n" + line("train", 7) + "\n" + line("train", 8) + "\n")
        let last = try MetricsFile.lastLines(of: path)
        #expect(last.mapValues { $0["step"]?.integerValue } == ["train": 8])
    }
}
