import Foundation
import Glibc
import Sequences
import TestSupport
import Testing

@Suite("Files that change, and what precedes their text")
struct ChangedFilesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A text of more than a page, whose file is then overwritten in place.
    private func readTokens(_ text: String, overwrittenBy other: String, _ kind: TokenizerKind) throws -> [Int32] {
        let path = try folder.write(text.utf8)
        let files = try TextFiles(patterns: [path], place: "test")
        let vocabulary: Vocabulary =
            kind == .word ? try .ofWords(in: files, size: nil) : try .ofCharacters(in: files)
        let read = try TokenText(files, vocabulary: vocabulary)
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.write(contentsOf: Data(other.utf8))
        try file.close()
        var cursor = try read.cursor(at: 0)
        return try (0..<read.count).map { _ in try cursor.next() }
    }

    @Test(
        "characters that were not there when the file was opened, and missing words, are an error and no crash",
        arguments: [
            (TokenizerKind.character, "zzz"), (.character, "Ž"), (.character, "😀😀"), (.character, "\0"),
            (.word, String(repeating: "b", count: 5000)),
        ])
    func changed(kind: TokenizerKind, other: String) throws {
        let text = String(repeating: "a b ", count: 2000)
        let fault = textFailure { _ = try readTokens(text, overwrittenBy: other, kind) }
        #expect(fault == .changed(path: folder.path + "/text.txt"))
        #expect(fault?.exitCode == 2)
        #expect(
            fault?.description.hasPrefix(
                "\(folder.path)/text.txt: the file has changed since it was opened; files must not change")
                == true)
        #expect(try readTokens(text, overwrittenBy: "b a ", kind).count == (kind == .word ? 4001 : 8000))
    }

    @Test("a file that ends within a character, after it was overwritten, is an error and no crash")
    func endsWithinCharacter() throws {
        // A multiple of all page sizes: what is behind the last byte belongs to no other mapping.
        let text = String(repeating: "a", count: 65_533) + "é" + "a"
        for end in [[0xE2], [0xF0], [0xE2, 0x82]] as [[UInt8]] {
            let path = try folder.write(text.utf8)
            let files = try TextFiles(patterns: [path], place: "test")
            let read = try TokenText(files, vocabulary: Vocabulary.ofCharacters(in: files))
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            try file.seek(toOffset: UInt64(65_536 - end.count))
            try file.write(contentsOf: Data(end))
            try file.close()
            #expect(throws: TextError.self) {
                var cursor = try read.cursor(at: 65_000)
                while cursor.position < read.count { _ = try cursor.next() }
            }
        }
    }

    // MARK: what precedes the text

    @Test("a byte order mark at a file's beginning is part of bytes, not of characters and words")
    func mark() throws {
        let files = try folder.files("\u{FEFF}ab c", "\u{FEFF}c\u{FEFF}", "d")
        let characters = try TokenText(files, vocabulary: Vocabulary.ofCharacters(in: files))
        #expect(spelling(of: characters) == ["a", "b", " ", "c", "c", "\u{FEFF}", "d"])
        let words = try TokenText(files, vocabulary: Vocabulary.ofWords(in: files, size: nil))
        #expect(spelling(of: words) == ["ab", "c", "<eos>", "c\u{FEFF}", "<eos>", "d", "<eos>"])
        for position in 0..<characters.count {
            #expect(tokens(of: characters, from: position) == Array(tokens(of: characters).dropFirst(position)))
        }
        #expect(try TokenText(files, vocabulary: .bytes).count == files.byteCount)
    }

    @Test("a file with nothing but a byte order mark is empty, one in UTF-16 is named as that")
    func noText() throws {
        let only = try folder.files("\u{FEFF}")
        #expect(textFailure { _ = try Vocabulary.ofWords(in: only, size: nil) } == .onlyMark(path: only.paths[0]))
        let path = try folder.write([0xFF, 0xFE, 0x61, 0x00, 0x62, 0x00], as: "wide.txt")
        let files = try TextFiles(patterns: [path], place: "test")
        let fault = textFailure { _ = try Vocabulary.ofCharacters(in: files) }
        #expect(
            fault?.description
                == "\(path): found text in UTF-16; accepted: text in UTF-8 (iconv -f UTF-16 -t UTF-8)")
    }

    @Test("a file name that is not UTF-8 is reported as that, not as a missing file")
    func fileName() throws {
        let name = Array("\(folder.path)/caf".utf8) + [0xE9] + Array(".txt".utf8) + [0]
        let descriptor = name.withUnsafeBytes {
            open($0.baseAddress.map { $0.assumingMemoryBound(to: CChar.self) }!, O_WRONLY | O_CREAT, 0o600)
        }
        try #require(descriptor >= 0)
        close(descriptor)
        let fault = textFailure { _ = try TextFiles(patterns: ["\(folder.path)/*"], place: "test") }
        #expect(
            fault?.description
                == #"test: the file name \#(folder.path)/caf\xE9.txt is not UTF-8; accepted: file names in UTF-8"#)
    }
}
