import Sequences
import TestSupport
import Testing

@Suite("Labelled tokens")
struct CoNLLReaderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ text: String) throws -> SequenceTable { try CoNLLReader.read(text, in: folder) }

    @Test("a token and its label on a line, an empty line between sentences; comments and -DOCSTART- are skipped")
    func sentences() throws {
        let table = try read(
            """
            -DOCSTART- -X- O

            # text = EU rejects
            EU\tNNP\tB-ORG
            New York\t_\tO
            #\tSYM\tO


            play VB  O
            # NN I-x\r

            #fun NN O
            """)
        #expect(table.texts == [.tokens(["EU", "New York", "#"]), .tokens(["play", "#"]), .tokens(["#fun"])])
        #expect(table.labels.map(\.ofSteps) == [["B-ORG", "O", "O"], ["O", "I-x"], ["O"]])
        #expect(table.places.map(\.line) == [4, 9, 12])
    }

    @Test("lines of one column are tokens without label")
    func unlabelled() throws {
        let table = try read("a\nb\n\nc\n")
        #expect(
            table.texts == [.tokens(["a", "b"]), .tokens(["c"])] && table.labels.allSatisfy { $0.ofSteps.isEmpty })
    }

    @Test(
        "an error names file, line, what was found and what is accepted",
        arguments: [
            ("\n\n", ": found no token; accepted: a token and its label on each line"),
            ("a\tO\nb\n", ", line 2: found a token without label; accepted: a label for each token of a sentence"),
            ("a\nb\tO\n", ", line 2: found a label; accepted: none, as before in this sentence"),
            (
                "a\tO\n\tO\n",
                ", line 2: found \"\\u{9}O\"; accepted: a token and its label in UTF-8, separated by a tab"
            ),
            ("a\t \n", ", line 1: found \"a\\u{9} \"; accepted: a token and its label in UTF-8, separated by a tab"),
        ])
    func errors(text: String, message: String) throws {
        #expect(errorText(in: folder) { _ = try read(text) } == "a.conll" + message)
    }
}
