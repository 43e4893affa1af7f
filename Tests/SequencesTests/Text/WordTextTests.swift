import Sequences
import TestSupport
import Testing

@Suite("Text as words")
struct WordTextTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func words(_ texts: String..., size: Int? = nil) throws -> [String?] {
        let files = try folder.files(texts)
        let text = try TokenText(files, vocabulary: Vocabulary.ofWords(in: files, size: size))
        let words = spelling(of: text)
        #expect(words.count == text.count)
        return words
    }

    @Test("words are separated by white space and each line ends with <eos>")
    func lines() throws {
        #expect(try words("a  b\n\tc\n") == ["a", "b", "<eos>", "c", "<eos>"])
        #expect(try words("\n\n \n") == ["<eos>", "<eos>", "<eos>"])
        #expect(try words("a\r\nb\r\n") == ["a", "<eos>", "b", "<eos>"])
    }

    @Test("a last line without a newline also ends with <eos>, at each file's end")
    func lastLine() throws {
        #expect(try words("a") == ["a", "<eos>"])
        #expect(try words("a\nb  ") == ["a", "<eos>", "b", "<eos>"])
        #expect(try words("a\n  ") == ["a", "<eos>", "<eos>"])
        #expect(try words("a", "b\n", " ", "c") == ["a", "<eos>", "b", "<eos>", "<eos>", "c", "<eos>"])
    }

    @Test("<unk> and <eos> in the text are the vocabulary's reserved tokens, and don't get another id")
    func reservedWords() throws {
        let files = try folder.files("the <unk> <unk> <unk> <eos> of\n<unk>")
        let vocabulary = try Vocabulary.ofWords(in: files, size: 4)
        #expect(spelling(of: vocabulary) == ["<unk>", "<eos>", "of", "the"])
        #expect(try tokens(of: TokenText(files, vocabulary: vocabulary)) == [3, 0, 0, 0, 1, 2, 1, 0, 1])
    }

    @Test("words are sorted by decreasing frequency, ties in code-point order")
    func ranking() throws {
        // Ties of all lengths around the eight bytes that a table entry stores inline; "é" in two forms.
        let ties = [
            "B", "Bb", "a", "ab", "abcdefg", "abcdefgh", "abcdefgha", "abcdefghab", "abcdefghb", "abcdefgi", "e\u{301}",
            "z", "é", "ﬀ", "😀",
        ]
        let text = "often rare often \(ties.reversed().joined(separator: " ")) rare often\n"
        let vocabulary = try Vocabulary.ofWords(in: folder.files(text), size: nil)
        let expected = (["<unk>", "<eos>", "often", "rare"] + ties).map { Array($0.utf8) }
        #expect((0..<vocabulary.count).map { vocabulary.bytes(of: $0) } == expected)
    }

    @Test("a limited vocabulary keeps the most frequent words; others are <unk>", arguments: 2...8)
    func limit(_ size: Int) throws {
        let files = try folder.files("d a b c c b a a\n")
        let vocabulary = try Vocabulary.ofWords(in: files, size: size)
        let all = ["<unk>", "<eos>", "a", "b", "c", "d"]
        #expect(spelling(of: vocabulary) == Array(all.prefix(size)))
        let text = try TokenText(files, vocabulary: vocabulary)
        #expect(tokens(of: text) == [5, 2, 3, 4, 4, 3, 2, 2, 1].map { $0 < vocabulary.count ? $0 : 0 })
    }

    @Test("very frequent words are ranked, too")
    func frequentWords() throws {
        let text = String(repeating: "b b c c c a a a ", count: 40_000)
        let vocabulary = try Vocabulary.ofWords(in: folder.files(text), size: 3)
        #expect(spelling(of: vocabulary) == ["<unk>", "<eos>", "a"])
    }

    @Test("a vocabulary size below 2 is refused", arguments: [1, 0, -1])
    func tooSmall(_ size: Int) throws {
        let files = try folder.files("a")
        let error = textFailure { _ = try Vocabulary.ofWords(in: files, size: size) }
        #expect(
            error?.description
                == "the vocabulary's size is \(size); accepted: 2 or more, because <unk> and <eos> count in it")
        #expect(error?.exitCode == 2)
    }

    @Test("words are separated only by Unicode white space")
    func whiteSpace() throws {
        for value in 1...0x10FFFF as ClosedRange<UInt32> {
            // All scalars below U+4000, which include all white space, then a sample.
            guard value < 0x4000 || value % 997 == 0, let scalar = Unicode.Scalar(value), scalar != "\n" else {
                continue
            }
            let prompt = "a\(String(scalar))b"
            let expected = scalar.properties.isWhitespace ? 2 : 1
            #expect(try Self.anyWords.encode(prompt: prompt).count == expected, "\(value)")
        }
    }

    private static let anyWords: Vocabulary = {
        // The two reserved tokens of every vocabulary of words.
        let json = #"{"format_version":1,"tokenizer":"word","tokens":["<unk>","<eos>"]}"#
        return (try? Vocabulary(json: json, path: "test")) ?? .bytes
    }()

    @Test("thousands of words are counted and found in a growing table")
    func manyWords() throws {
        // 100,000 words: more than the table's first 49,152. Word k occurs 1 + k mod 3 times.
        var text = ""
        for round in 0..<3 {
            for k in 0..<100_000 where k % 3 >= round { text += k % 2 == 0 ? "w\(k) " : "longer-word-\(k) " }
        }
        let files = try folder.files(text)
        let vocabulary = try Vocabulary.ofWords(in: files, size: nil)
        #expect(vocabulary.count == 100_002)
        var spelt = Set<String>()
        for id in 2..<vocabulary.count {
            let word = try #require(vocabulary.text(of: id))
            spelt.insert(word)
            let k = try #require(Int(word.drop { !$0.isNumber }))
            // 33,333 words occur three times, 33,333 twice, 33,334 once.
            #expect(1 + k % 3 == (id < 2 + 33_333 ? 3 : id < 2 + 66_666 ? 2 : 1))
        }
        #expect(spelt.count == 100_000)
        let words = try spelling(of: TokenText(files, vocabulary: vocabulary))
        #expect(words == text.split(separator: " ").map { String($0) } + ["<eos>"])
    }

    @Test("a prompt of words maps unknown words to <unk> and newlines to <eos>, but adds no <eos> at its end")
    func prompt() throws {
        let vocabulary = try Vocabulary.ofWords(in: folder.files("a b b\n"), size: nil)
        #expect(try vocabulary.encode(prompt: "a x\nb") == [3, 0, 1, 2])
        #expect(try vocabulary.encode(prompt: "a\n") == [3, 1])
        #expect(try vocabulary.encode(prompt: "<eos> a\u{3000}b ") == [1, 3, 2])
        #expect(try vocabulary.encode(prompt: "") == [])
        #expect(try vocabulary.encode(prompt: " ") == [])
    }

    @Test("words are printed with single spaces, <eos> as a newline")
    func decode() throws {
        let vocabulary = try Vocabulary.ofWords(in: folder.files("a b b\n"), size: nil)
        #expect(vocabulary.decode([3, 0, 1, 1, 2, 3]) == Array("a <unk>\n\nb a".utf8))
        #expect(vocabulary.decode([]) == [])
        #expect(vocabulary.decode([1]) == Array("\n".utf8))
    }

    @Test("a word of 1 MiB is accepted, a longer one is refused with its location")
    func longWord() throws {
        let word = String(repeating: "x", count: 1 << 20)
        #expect(try words("a\n\(word) b") == ["a", "<eos>", word, "b", "<eos>"])
        let path = try folder.write("a\nb \(word)x b".utf8)
        let files = try TextFiles(patterns: [path], place: "test")
        let error = textFailure { _ = try Vocabulary.ofWords(in: files, size: 2) }
        #expect(
            error?.description
                == "\(path), line 2, byte offset 4: found more than 1048576 bytes without white space; "
                + "data.tokenizer: word accepts words of at most 1048576 bytes, "
                + "data.tokenizer: character has no such limit")
        #expect(error?.exitCode == 2)
        #expect(textFailure { _ = try TokenText(files, vocabulary: Self.anyWords) } == error)
    }
}
