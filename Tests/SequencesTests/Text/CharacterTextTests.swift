import Sequences
import TestSupport
import Testing

@Suite("Text as bytes and characters")
struct CharacterTextTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func refused(_ bytes: [UInt8]) throws -> (path: String, error: TextError?) {
        let path = try folder.write(bytes)
        let files = try TextFiles(patterns: [path], place: "test")
        return (path, textFailure { _ = try Vocabulary.ofCharacters(in: files) })
    }

    @Test("bytes are the files' bytes, binary or not, one file after the other")
    func bytes() throws {
        let all = Array(UInt8.min...UInt8.max)
        let paths = [
            try folder.write(all, as: "0"), try folder.write([0xFF], as: "1"), try folder.write([0, 10], as: "2"),
        ]
        let text = try TokenText(TextFiles(patterns: paths, place: "test"), vocabulary: .bytes)
        #expect(text.count == 259)
        #expect(tokens(of: text) == all.map { Int32($0) } + [255, 0, 10])
        for position in 0..<259 {
            var cursor = try text.cursor(at: position)
            #expect(try cursor.next() == (all + [255, 0, 10]).map { Int32($0) }[position])
        }
        #expect(try text.cursor(at: 259).position == 259)
    }

    @Test("the vocabulary of bytes is the byte values")
    func byteVocabulary() throws {
        let bytes = Vocabulary.bytes
        #expect(bytes.count == 256)
        #expect((0..<256).allSatisfy { bytes.bytes(of: $0) == [UInt8($0)] })
        #expect(bytes.text(of: 0x41) == "A")
        #expect(bytes.text(of: 0x80) == nil)
        #expect(bytes.text(of: 256) == nil)
        #expect(bytes.bytes(of: -1) == [])
        #expect(try bytes.encode(prompt: "é\n") == [0xC3, 0xA9, 10])
        #expect(bytes.decode([0xC3, 0xA9, 0, 255]) == [0xC3, 0xA9, 0, 255])
    }

    @Test("characters are scalars in code-point order: nothing is normalised, joined or dropped")
    func characters() throws {
        // A byte order mark within a text, é in one and in two scalars, CRLF, a tab, scalars of 2, 3 and 4 bytes, no final newline.
        let files = try folder.files("é\u{FEFF}\r\ne\u{301}", "\t😀ß∀\u{10FFFF}")
        let vocabulary = try Vocabulary.ofCharacters(in: files)
        let expected: [Unicode.Scalar] = [
            "\t", "\n", "\r", "e", "ß", "é", "\u{301}", "∀", "\u{FEFF}", "😀", "\u{10FFFF}",
        ]
        #expect(
            (0..<vocabulary.count).map { Array(vocabulary.text(of: $0)?.unicodeScalars ?? "".unicodeScalars) }
                == expected.map { [$0] })
        let text = try TokenText(files, vocabulary: vocabulary)
        #expect(text.count == 11)
        #expect(tokens(of: text) == [5, 8, 2, 1, 3, 6, 0, 9, 4, 7, 10])
        #expect(vocabulary.decode(tokens(of: text)) == Array("é\u{FEFF}\r\ne\u{301}\t😀ß∀\u{10FFFF}".utf8))
    }

    @Test("a prompt of characters is encoded scalar by scalar")
    func prompt() throws {
        let vocabulary = try Vocabulary.ofCharacters(in: folder.files("abe\u{301}\r\n"))
        #expect(try vocabulary.encode(prompt: "e\u{301}\r\nba") == [4, 5, 1, 0, 3, 2])
        #expect(try vocabulary.encode(prompt: "") == [])
    }

    @Test("the message names a prompt's character that isn't in the vocabulary")
    func unknownInPrompt() throws {
        let vocabulary = try Vocabulary.ofCharacters(in: folder.files("abe\u{301}"))
        let error = textFailure { _ = try vocabulary.encode(prompt: "e\u{301}é") }
        #expect(
            error?.description
                == #"the prompt's character 3, "é" (U+00E9), is not in the vocabulary; "#
                + "accepted: the 4 characters of the training text")
        #expect(error?.exitCode == 2)
    }

    @Test("the message about a character that isn't in the training text has file, line and byte")
    func unknownInText() throws {
        let vocabulary = try Vocabulary.ofCharacters(in: folder.files("ab\n"))
        let path = try folder.write("ab\nb😀".utf8, as: "valid.txt")
        let files = try TextFiles(patterns: [path], place: "test")
        let error = textFailure { _ = try TokenText(files, vocabulary: vocabulary) }
        #expect(
            error?.description
                == "\(path), line 2, byte offset 4: the character \"😀\" (U+1F600) is not in the training text; "
                + "accepted: the 3 characters of data.train, or with data.tokenizer: byte any file")
        #expect(error?.exitCode == 2)
    }

    @Test(
        "invisible characters are named by their code",
        arguments: ["\u{7}", "\u{301}", "\u{A0}", "\u{200D}"])
    func invisible(_ character: Unicode.Scalar) throws {
        let vocabulary = try Vocabulary.ofCharacters(in: folder.files("a"))
        let digits = String(character.value, radix: 16, uppercase: true)
        let code = "U+" + String(repeating: "0", count: 4 - digits.count) + digits
        #expect(
            textFailure { _ = try vocabulary.encode(prompt: "a\(String(character))") }?.description
                == "the prompt's character 2, \(code), is not in the vocabulary; "
                + "accepted: the one character of the training text")
    }

    @Test("a zero byte is refused as binary, and data.tokenizer: byte is suggested", arguments: [0, 7, 8, 30])
    func binary(_ offset: Int) throws {
        var bytes = Array(String(repeating: "text\n", count: 8).utf8)
        bytes[offset] = 0
        let (path, error) = try refused(bytes)
        #expect(
            error?.description
                == "\(path), byte offset \(offset): found a zero byte, so this is a binary file; "
                + "data.tokenizer: character accepts text in UTF-8, data.tokenizer: byte any file")
        #expect(error?.exitCode == 2)
    }

    @Test("invalid UTF-8 is refused with file, line and byte")
    func invalid() throws {
        let (path, error) = try refused(Array("é\nab\nc".utf8) + [0xFF, 0x41])
        #expect(
            error?.description
                == "\(path), line 3, byte offset 7: invalid UTF-8 (byte 0xFF); "
                + "data.tokenizer: character accepts text in UTF-8, data.tokenizer: byte any file")
        #expect(error?.exitCode == 2)
        let files = try TextFiles(patterns: [path], place: "test")
        #expect(
            textFailure { _ = try Vocabulary.ofWords(in: files, size: nil) }
                == .invalidUTF8(path: path, line: 3, offset: 7, byte: 0xFF, tokenizer: .word))
        #expect(throws: TextError.self) {
            try TokenText(files, vocabulary: Vocabulary.ofWords(in: folder.files("a"), size: 2))
        }
    }

    @Test("every kind of malformed sequence is found at its first byte")
    func malformed() throws {
        let malformed: [[UInt8]] = [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x9F, 0xBF], [0xE2, 0x82],
            [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
            [0xF0, 0x9F, 0x98, 0x28], [0xF0, 0x9F, 0x28, 0x80], [0xF0, 0x28, 0x98, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFE],
        ]
        for bytes in malformed {
            for before in 0..<20 {
                for after in ["", "a", "aaaaaaaaaaaaaaaa"] {
                    let (path, error) = try refused(Array(repeating: 0x61, count: before) + bytes + Array(after.utf8))
                    #expect(
                        error
                            == .invalidUTF8(
                                path: path, line: 1, offset: before, byte: bytes[0], tokenizer: .character),
                        "\(bytes) behind \(before)")
                }
            }
        }
    }

    @Test("every scalar except zero is a character")
    func everyScalar() throws {
        let scalars = (1...0x10FFFF as ClosedRange<UInt32>).compactMap { Unicode.Scalar($0) }
        var string = ""
        string.unicodeScalars.append(contentsOf: scalars)
        let files = try folder.files(string)
        let vocabulary = try Vocabulary.ofCharacters(in: files)
        #expect(vocabulary.count == scalars.count)
        let text = try TokenText(files, vocabulary: vocabulary)
        #expect(tokens(of: text) == Array(0..<Int32(scalars.count)))
        #expect(vocabulary.decode(tokens(of: text)) == Array(string.utf8))
    }
}
