import Foundation
import Sequences
import TestSupport
import Testing

@Suite("Reading a token stream")
struct TokenCursorTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The pieces of a random text: scalars of each length, many kinds of white space, reserved words.
    private static let pieces = [
        "a", "b", "ab", "longer-than-eight", "longer-than-nine", " ", " ", "  ", "\n", "\n", "\r\n", "\t", "\u{B}",
        "\u{85}",
        "\u{A0}", "\u{1680}", "\u{2003}", "\u{2028}", "\u{202F}", "\u{205F}", "\u{3000}", "é", "e\u{301}", "ß", "∀",
        "\u{200B}",
        "\u{FEFF}", "😀", "👩\u{200D}👧", "\u{10FFFF}", "<unk>", "<eos>", "\u{7F}", "\u{1}", "\u{C2}", "\u{2080}",
        "\u{3080}",
    ]

    private static func randomTexts(_ random: inout SeededRandom) -> [String] {
        (0..<Int.random(in: 1...4, using: &random)).map { _ in
            let count = Int.random(in: 1...60, using: &random)
            return (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
        }
    }

    // The plain implementations work on lists of scalars, because String comparison uses canonical equivalence.
    private static func plainWords(_ texts: [String]) -> [String] {
        texts.flatMap { text in
            var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            if text.unicodeScalars.last == "\n" { lines.removeLast() }
            return lines.flatMap { line in
                line.split { $0.properties.isWhitespace }.map { String(String.UnicodeScalarView($0)) } + ["<eos>"]
            }
        }
    }

    private static func plainVocabulary(_ words: [String], size: Int) -> [[UInt8]] {
        var counts: [[UInt8]: Int] = [:]
        for word in words where word != "<unk>" && word != "<eos>" { counts[Array(word.utf8), default: 0] += 1 }
        let ranked = counts.sorted {
            $0.value != $1.value ? $0.value > $1.value : $0.key.lexicographicallyPrecedes($1.key)
        }
        return [Array("<unk>".utf8), Array("<eos>".utf8)] + ranked.prefix(size - 2).map(\.key)
    }

    private func check(_ text: TokenText, _ expected: [Int32], _ random: inout SeededRandom, _ seed: UInt64) throws {
        #expect(text.count == expected.count, "seed \(seed)")
        guard text.count == expected.count else { return }
        for position in 0...expected.count {
            #expect(tokens(of: text, from: position) == Array(expected[position...]), "seed \(seed), from \(position)")
        }
        // Reads of random lengths, including empty ones, and single tokens.
        var cursor = try text.cursor(at: 0)
        var read: [Int32] = []
        while cursor.position < text.count {
            if Bool.random(using: &random) {
                read.append(try cursor.next())
            } else {
                var run = [Int32](
                    repeating: -1, count: .random(in: 0...min(9, text.count - cursor.position), using: &random))
                try run.withUnsafeMutableBufferPointer { try cursor.read(into: $0) }
                read += run
            }
            #expect(cursor.position == read.count, "seed \(seed)")
        }
        #expect(read == expected, "seed \(seed)")
    }

    @Test(
        "random texts give the tokens of a plain implementation, from every position",
        arguments: 1...120 as ClosedRange<UInt64>)
    func randomTexts(_ seed: UInt64) throws {
        var random = SeededRandom(seed)
        let texts = Self.randomTexts(&random)
        let files = try folder.files(texts)
        let interval = Int.random(in: 1...7, using: &random)

        let bytes = try TokenText(files, vocabulary: .bytes, interval: interval)
        try check(bytes, texts.joined().utf8.map { Int32($0) }, &random, seed)

        // A byte order mark at a file's beginning is not part of characters and words.
        let mark: Unicode.Scalar = "\u{FEFF}"
        let unmarked = texts.map { text in
            text.unicodeScalars.first == mark ? String(String.UnicodeScalarView(text.unicodeScalars.dropFirst())) : text
        }
        let scalars = unmarked.flatMap { Array($0.unicodeScalars) }
        let alphabet = Set(scalars).sorted()
        let characters = try Vocabulary.ofCharacters(in: files)
        #expect((0..<characters.count).map { characters.bytes(of: $0) } == alphabet.map { Array(String($0).utf8) })
        let characterIDs = scalars.map { Int32(alphabet.firstIndex(of: $0) ?? -1) }
        try check(try TokenText(files, vocabulary: characters, interval: interval), characterIDs, &random, seed)
        #expect(try characters.encode(prompt: unmarked.joined()) == characterIDs, "seed \(seed)")

        let words = Self.plainWords(unmarked)
        let size = Int.random(in: 2...20, using: &random)
        let expected = Self.plainVocabulary(words, size: size)
        let vocabulary = try Vocabulary.ofWords(in: files, size: size)
        #expect((0..<vocabulary.count).map { vocabulary.bytes(of: $0) } == expected, "seed \(seed)")
        let wordIDs = words.map { Int32(expected.firstIndex(of: Array($0.utf8)) ?? 0) }
        try check(try TokenText(files, vocabulary: vocabulary, interval: interval), wordIDs, &random, seed)
        #expect(try Vocabulary(json: vocabulary.json, path: "test") == vocabulary, "seed \(seed)")
        #expect(try Vocabulary(json: characters.json, path: "test") == characters, "seed \(seed)")
    }

    @Test("a text longer than the default interval is read from every mark and next to it")
    func usualInterval() throws {
        let files = try folder.files(String(repeating: "ab é\n", count: 9_000), "c")
        for vocabulary in try [Vocabulary.ofCharacters(in: files), .ofWords(in: files, size: nil)] {
            let text = try TokenText(files, vocabulary: vocabulary)
            let all = tokens(of: text)
            for mark in stride(from: 0, through: text.count, by: 8192) {
                for position in [mark - 1, mark, mark + 1, mark + 5000] where (0..<text.count).contains(position) {
                    var cursor = try text.cursor(at: position)
                    #expect(try cursor.next() == all[position])
                }
            }
            #expect(try text.cursor(at: text.count).position == text.count)
        }
    }

    @Test("copied cursors are independent")
    func copies() throws {
        let text = try TokenText(folder.files("abcdef"), vocabulary: .bytes)
        var one = try text.cursor(at: 1)
        var other = one
        #expect(try [one.next(), one.next()] == [98, 99])
        #expect(try other.next() == 98)
        #expect((one.position, other.position) == (3, 2))
    }
}
