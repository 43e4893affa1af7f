import Sequences
import TestSupport
import Testing

@Suite("vocabulary.json")
struct VocabularyJSONTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("the text of each kind is as documented")
    func texts() throws {
        #expect(Vocabulary.bytes.json == #"{"format_version":1,"tokenizer":"byte"}"#)
        let characters = try Vocabulary.ofCharacters(in: folder.files("\"\\/\n\r\t\u{1}\u{1F}é😀"))
        #expect(
            characters.json
                == #"{"format_version":1,"tokenizer":"character","#
                + #""tokens":["\u0001","\t","\n","\r","\u001f","\"","/","\\","é","😀"]}"#)
        let words = try Vocabulary.ofWords(in: folder.files("b \"a\" b"), size: nil)
        #expect(words.json == #"{"format_version":1,"tokenizer":"word","tokens":["<unk>","<eos>","b","\"a\""]}"#)
    }

    @Test("each kind is read back equal and gives the same tokens")
    func roundTrip() throws {
        let text = "e\u{301} é \"\\ \u{1}\u{7F} \u{2028}\u{FFFF}\u{FEFF} 😀\n"
        let files = try folder.files(text)
        for vocabulary in try [Vocabulary.bytes, .ofCharacters(in: files), .ofWords(in: files, size: nil)] {
            let read = try Vocabulary(json: vocabulary.json, path: "test")
            #expect(read == vocabulary)
            #expect(read.kind == vocabulary.kind)
            #expect(
                try tokens(of: TokenText(files, vocabulary: read))
                    == tokens(of: TokenText(files, vocabulary: vocabulary)))
        }
    }

    @Test("vocabularies of canonically equal but different characters differ")
    func equality() throws {
        let one = try Vocabulary.ofWords(in: folder.files("é"), size: nil)
        #expect(try one != Vocabulary.ofWords(in: folder.files("e\u{301}"), size: nil))
        #expect(try one == Vocabulary.ofWords(in: folder.files("é é"), size: nil))
    }

    @Test("escapes, white space and keys in another order are read; unknown keys are ignored")
    func otherSpelling() throws {
        let json =
            #" { "more": [1], "tokens" : [ "\u0061", "\ud83d\ude00" ], "tokenizer": "character", "format_version": 1 } "#
        #expect(try Vocabulary(json: json, path: "test") == Vocabulary.ofCharacters(in: folder.files("😀a")))
    }

    @Test(
        "an invalid vocabulary is refused with the reason",
        arguments: [
            ("", "it isn't an object in valid JSON"),
            ("null", "it isn't an object in valid JSON"),
            ("[1]", "it isn't an object in valid JSON"),
            (#"{"format_version":1,"tokenizer":"word","tokens":["<unk>","<eos>""#, "it isn't an object in valid JSON"),
            (String(repeating: "[", count: 100_000), "it isn't an object in valid JSON"),
            (#"{"format_version":1,"tokenizer":"character","tokens":["\ud800"]}"#, "it isn't an object in valid JSON"),
            (#"{}"#, "it has no number as format_version"),
            (#"{"format_version":"1","tokenizer":"byte"}"#, "it has no number as format_version"),
            (#"{"format_version":1.5,"tokenizer":"byte"}"#, "its format_version is 1.5, this program reads 1"),
            (#"{"format_version":1e999,"tokenizer":"byte"}"#, "it isn't an object in valid JSON"),
            (#"{"format_version":2,"tokenizer":"byte"}"#, "its format_version is 2, this program reads 1"),
            (#"{"format_version":1}"#, "it has no text as tokenizer"),
            (#"{"format_version":1,"tokenizer":null}"#, "it has no text as tokenizer"),
            (#"{"format_version":1,"tokenizer":"bpe"}"#, "its tokenizer is not one of byte, character, word"),
            (
                #"{"format_version":1,"tokenizer":"byte","tokens":["a"]}"#,
                "it lists tokens, which the byte tokenizer doesn't have"
            ),
            (#"{"format_version":1,"tokenizer":"character"}"#, "it has no tokens"),
            (#"{"format_version":1,"tokenizer":"character","tokens":[]}"#, "it has no tokens"),
            (#"{"format_version":1,"tokenizer":"character","tokens":["a",1]}"#, "its tokens aren't a list of texts"),
            (#"{"format_version":1,"tokenizer":"character","tokens":{"a":0}}"#, "its tokens aren't a list of texts"),
            (#"{"format_version":1,"tokenizer":"character","tokens":["a","bc"]}"#, "its token 1 isn't one character"),
            (#"{"format_version":1,"tokenizer":"character","tokens":["a",""]}"#, "its token 1 isn't one character"),
            (
                #"{"format_version":1,"tokenizer":"character","tokens":["b","a"]}"#,
                "its token 1 isn't in code-point order"
            ),
            (
                #"{"format_version":1,"tokenizer":"character","tokens":["a","a"]}"#,
                "its token 1 isn't in code-point order"
            ),
            (#"{"format_version":1,"tokenizer":"word"}"#, "it has no tokens"),
            (
                #"{"format_version":1,"tokenizer":"word","tokens":["<unk>"]}"#,
                "its tokens don't begin with <unk> and <eos>"
            ),
            (
                #"{"format_version":1,"tokenizer":"word","tokens":["<eos>","<unk>"]}"#,
                "its tokens don't begin with <unk> and <eos>"
            ),
            (
                #"{"format_version":1,"tokenizer":"word","tokens":["<unk>","<eos>",""]}"#,
                "its token 2 isn't a word without white space"
            ),
            (
                #"{"format_version":1,"tokenizer":"word","tokens":["<unk>","<eos>","a\u3000"]}"#,
                "its token 2 isn't a word without white space"
            ),
            (
                #"{"format_version":1,"tokenizer":"word","tokens":["<unk>","<eos>","a","b","a"]}"#,
                "its token 4 occurs twice"
            ),
            (
                #"{"format_version":1,"tokenizer":"word","tokens":["<unk>","<eos>","<unk>"]}"#,
                "its token 2 occurs twice"
            ),
        ])
    func refused(_ json: String, _ found: String) {
        let error = textFailure { _ = try Vocabulary(json: json, path: "run/vocabulary.json") }
        #expect(
            error?.description
                == "run/vocabulary.json is not a vocabulary: \(found); "
                + "accepted: a vocabulary.json of a checkpoint")
        #expect(error?.exitCode == 2)
    }

    @Test("a mutated vocabulary is read or refused, without a crash", arguments: 1...20 as ClosedRange<UInt64>)
    func mutilated(_ seed: UInt64) throws {
        var random = SeededRandom(seed)
        let whole = Array(try Vocabulary.ofWords(in: folder.files("a é 😀 \"b\" \\ c\n"), size: nil).json.utf8)
        for _ in 0..<200 {
            var json = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let offset = Int.random(in: 0..<json.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: json[offset] = UInt8.random(in: 0...255, using: &random)
                case 1: json.remove(at: offset)
                default: json.insert(whole[Int.random(in: 0..<whole.count, using: &random)], at: offset)
                }
            }
            let text = String(decoding: json, as: UTF8.self)
            do {
                let vocabulary = try Vocabulary(json: text, path: "test")
                #expect(try Vocabulary(json: vocabulary.json, path: "test") == vocabulary, "seed \(seed): \(text)")
            } catch {
                #expect(error.exitCode == 2, "seed \(seed): \(text)")
            }
        }
    }
}
