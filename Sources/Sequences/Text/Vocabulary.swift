/// The tokens of a text and their ids, 0 to `count - 1`.
///
/// `byte`: the byte values. `character`: the training text's scalars in code-point order. `word`: `<unk>`, `<eos>`,
/// then words by falling frequency. Tokens are compared by their bytes, so "é" and "e" with a combining accent differ.
package struct Vocabulary: Sendable {
    package let kind: TokenizerKind
    /// The tokens' UTF-8 (for `byte` the bytes), one after the other.
    let tokenBytes: [UInt8]
    /// The offset of each token in `tokenBytes`, and the end of the last one.
    let starts: [Int]
    let lookup: TokenLookup

    /// The id of `<unk>`, for every word that isn't in the vocabulary.
    static let unknownWord: Int32 = 0
    /// The id of `<eos>`, which ends a line of words.
    static let lineEnd: Int32 = 1
    /// The spelling of these two in texts, by id.
    static let reservedWords = [Array("<unk>".utf8), Array("<eos>".utf8)]

    /// The 256 byte values.
    package static let bytes = Vocabulary(kind: .byte, tokenBytes: Array(0...255), starts: Array(0...256))

    /// V: the number of tokens.
    package var count: Int { starts.count - 1 }

    /// Assumes tokens as described above; the caller checks only `lookup.doubled`.
    init(kind: TokenizerKind, tokenBytes: [UInt8], starts: [Int]) {
        self.kind = kind
        self.tokenBytes = tokenBytes
        self.starts = starts
        lookup = TokenLookup(kind: kind, tokenBytes: tokenBytes, starts: starts)
    }

    /// The token's bytes, `<unk>` and `<eos>` in their spelling; empty for an id outside the vocabulary.
    package func bytes(of id: Int) -> [UInt8] {
        id >= 0 && id < count ? Array(tokenBytes[starts[id]..<starts[id + 1]]) : []
    }

    /// The token as text; nil for an id outside the vocabulary and for a byte that isn't ASCII.
    package func text(of id: Int) -> String? {
        guard id >= 0, id < count, kind != .byte || id < 0x80 else { return nil }
        return String(decoding: bytes(of: id), as: UTF8.self)
    }
}

extension Vocabulary: Equatable {
    package static func == (a: Vocabulary, b: Vocabulary) -> Bool {
        a.kind == b.kind && a.starts == b.starts && a.tokenBytes == b.tokenBytes
    }
}
