import System
import Testing

@Suite("Messages for terminals")
struct PrintableTests {
    @Test("control characters except newline and tab are escaped; everything else stays")
    func escaped() {
        #expect(printable("one\n\ttwo é 漢 \u{1F600}") == "one\n\ttwo é 漢 \u{1F600}")
        #expect(printable("a\u{1B}[31mb\u{7}c\rd\u{9B}e\u{7F}") == "a\\u{1b}[31mb\\u{7}c\\u{d}d\\u{9b}e\\u{7f}")
    }

    @Test("a path in a message is on one line")
    func paths() {
        #expect(shownPath("a/b c.txt") == "a/b c.txt")
        #expect(shownPath("a\nlstm-dist: fake") == "a\\u{a}lstm-dist: fake")
        #expect(
            "\(SystemError.cannotRead(path: "a\u{1B}", code: 2))"
                == "a\\u{1b} cannot be read: No such file or directory.")
    }

    @Test("an error of standard output is recognised by its name")
    func fault() {
        #expect(StandardOutput.isFault(SystemError.cannotWrite(path: StandardOutput.name, code: 28)))
        #expect(!StandardOutput.isFault(SystemError.cannotWrite(path: "x", code: 28)))
    }
}
