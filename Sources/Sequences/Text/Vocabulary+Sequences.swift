import System

extension Vocabulary {
    /// The vocabulary of some texts: their characters; or `<unk>`, `<eos>` and their most frequent words, `size` tokens
    /// in total (nil for all words), ties in code-point order; or the 256 bytes.
    package static func of(_ texts: some Sequence<SequenceTable.Text>, _ kind: TokenizerKind, size: Int?) -> Vocabulary
    {
        switch kind {
        case .byte: return .bytes
        case .character:
            var occurring: Set<Unicode.Scalar> = []
            for text in texts { occurring.formUnion(text.joined.unicodeScalars) }
            return Vocabulary(kind: .character, occurring.sorted().map { Array(String($0).utf8) })
        case .word:
            // By their bytes: equal strings may have different ones.
            var counts: [[UInt8]: Int] = [:]
            for text in texts { for word in text.words { counts[Array(word.utf8), default: 0] += 1 } }
            for word in reservedWords { counts[word] = nil }
            let ranking = counts.sorted { a, b in
                a.value > b.value || a.value == b.value && a.key.lexicographicallyPrecedes(b.key)
            }
            let kept = ranking.prefix(size.map { max(0, $0 - reservedWords.count) } ?? ranking.count)
            return Vocabulary(kind: .word, reservedWords + kept.map(\.key))
        }
    }

    private init(kind: TokenizerKind, _ tokens: [[UInt8]]) {
        var starts = [0]
        for token in tokens { starts.append(starts[starts.count - 1] + token.count) }
        self.init(kind: kind, tokenBytes: Array(tokens.joined()), starts: starts)
    }

    /// The tokens of a sequence; unknown words are `<unk>`.
    ///
    /// - Throws: a `TableError` for a text without a token, and for a character that the vocabulary lacks.
    package func encode(_ text: SequenceTable.Text, at place: SequenceTable.Place) throws(TableError) -> [Int32] {
        var ids: [Int32] = []
        switch kind {
        case .byte: ids = text.joined.utf8.map { Int32($0) }
        case .character:
            for scalar in text.joined.unicodeScalars {
                guard let id = lookup.id(of: scalar) else {
                    throw TableError(
                        place, found: "the character \"\(shown(String(scalar)))\", which the training data lacks",
                        accepted: "the \(count) characters of the training data, or data.tokenizer: word or byte")
                }
                ids.append(id)
            }
        case .word:
            ids = withWordIDs { words in
                text.words.map { word in
                    var word = word
                    return word.withUTF8 { bytes in
                        guard let start = bytes.baseAddress else { return Self.unknownWord }
                        return words.id(of: start, length: bytes.count, hash: WordHash(of: bytes).value)
                    }
                }
            }
        }
        guard !ids.isEmpty else { throw TableError(place, found: "an empty text", accepted: "at least one token") }
        return ids
    }

    /// The tokens of a sequence as its text has them: as many as `encode` gives.
    func pieces(of text: SequenceTable.Text) -> [String] {
        switch kind {
        case .byte: text.joined.utf8.map { "\($0)" }
        case .character: text.joined.unicodeScalars.map { String($0) }
        case .word: if case .tokens(let tokens) = text { tokens } else { text.words }
        }
    }
}

extension SequenceTable.Text {
    /// The words of a text, which white space separates; or the tokens, with `_` for white space in them, because no word
    /// of a vocabulary has any.
    fileprivate var words: [String] {
        switch self {
        case .text(let text): text.unicodeScalars.split { $0.properties.isWhitespace }.map { String($0) }
        case .tokens(let tokens):
            tokens.map { token in
                token.unicodeScalars.contains(where: \.properties.isWhitespace)
                    ? String(
                        String.UnicodeScalarView(token.unicodeScalars.map { $0.properties.isWhitespace ? "_" : $0 }))
                    : token
            }
        }
    }

    /// Tokens are separated by a space.
    fileprivate var joined: String {
        switch self {
        case .text(let text): text
        case .tokens(let tokens): tokens.joined(separator: " ")
        }
    }
}
