import Sequences
import TestSupport
import Testing

@Suite("JSON Lines")
struct JSONLinesReaderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ text: String) throws -> SequenceTable { try JSONLinesReader.read(text, in: folder) }

    @Test("values are time steps of channels, or of one; null is missing; labels are texts, whole numbers or flags")
    func values() throws {
        let table = try read(
            """
            {"values": [[0.5, 1], [0.25, null]], "label": "yes", "more": {"a": []}}

              {"label": 3, "values": [[1e2, -7]]}\r
            {"values": [[1, 2]], "label": true}
            {"values": [[3, 4]], "label": null}
            {"values": [[5, 6]]}
            """)
        #expect(table.channels == 2 && (0..<5).map { table.length(of: $0) } == [2, 1, 1, 1, 1] && !table.isText)
        #expect(table.values.count == 12)
        let expected: [Float] = [0.5, 1, 0.25, .nan, 100, -7, 1, 2, 3, 4, 5, 6]
        #expect(zip(table.values, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
        #expect(table.labels.map(\.ofSequence) == ["yes", "3", "true", nil, nil])
        let one = try read("{\"values\": [1, 2, null]}")
        #expect(one.channels == 1 && one.length(of: 0) == 3)
    }

    @Test("texts and lists of tokens")
    func texts() throws {
        let table = try read("{\"text\": \"a \\u00e9\\n\", \"label\": \"x\"}\n{\"tokens\": [\"New York\", \"is\"]}\n")
        #expect(table.isText && table.texts == [.text("a é\n"), .tokens(["New York", "is"])])
        #expect(table.labels.map(\.ofSequence) == ["x", nil])
        let both = try read("{\"tokens\": [\"a\", \"b\"], \"labels\": [\"O\", 1], \"label\": \"x\"}")
        #expect(both.labels == [SequenceTable.Labels(ofSequence: "x", ofSteps: ["O", "1"])])
    }

    @Test(
        "an error names file, line, what was found and what is accepted",
        arguments: [
            ("", ": found no line with an object; accepted: at least one"),
            ("{}", ", line 1: found an object without values, text or tokens; accepted: one of values, text, tokens"),
            (
                "{\"text\": \"a\", \"values\": [1]}",
                ", line 1: found both values and text; accepted: one of values, text, tokens"
            ),
            ("[1]", ", line 1, column 1: found no object; accepted: an object on each line"),
            (
                "{\"text\": \"a\"}\n{\"text\": }",
                ", line 2, column 10: found invalid JSON: expected a value, found '}'; accepted: an object on each line"
            ),
            ("{\"text\": 1}", ", line 1: found text that is not a string; accepted: a string"),
            (
                "{\"tokens\": []}",
                ", line 1: found tokens that are not a list of non-empty strings; accepted: a list of at least one string"
            ),
            (
                "{\"tokens\": [\"a\", \"\"]}",
                ", line 1: found tokens that are not a list of non-empty strings; accepted: a list of at least one string"
            ),
            (
                "{\"values\": []}",
                ", line 1: found values that are not a list with elements; accepted: a list of at least one time step"
            ),
            ("{\"values\": [[]]}", ", line 1: found no value at time step 1; accepted: at least one channel"),
            ("{\"values\": [[1, 2], [3]]}", ", line 1: found 1 value at time step 2; accepted: 2, as at time step 1"),
            (
                "{\"values\": [1, \"x\"]}",
                ", line 1: found \"x\" at time step 2; accepted: a number in the range of Float, or null for a missing value"
            ),
            (
                "{\"values\": [1, 1e60]}",
                ", line 1: found 1e+60 at time step 2; accepted: a number in the range of Float, or null for a missing value"
            ),
            (
                "{\"values\": [1], \"labels\": [[2]]}",
                ", line 1: found labels [[2]]; accepted: a list of texts, whole numbers, true or false"
            ),
            (
                "{\"values\": [1], \"labels\": 2}",
                ", line 1: found labels 2; accepted: a list of texts, whole numbers, true or false"
            ),
            (
                "{\"values\": [1], \"label\": [2]}",
                ", line 1: found the label [2]; accepted: a text, a whole number, true or false, or null"
            ),
            (
                "{\"values\": [1]}\n{\"text\": \"a\"}",
                ", line 2: found a text; accepted: values, as in the first sequence (a.jsonl, line 1)"
            ),
            (
                "{\"text\": \"a\"}\n{\"values\": [1]}",
                ", line 2: found values; accepted: a text, as in the first sequence (a.jsonl, line 1)"
            ),
        ])
    func errors(text: String, message: String) throws {
        // A file of no bytes is refused before it is read.
        let text = text.isEmpty ? " \n" : text
        #expect(errorText(in: folder) { _ = try read(text) } == "a.jsonl" + message)
    }
}
