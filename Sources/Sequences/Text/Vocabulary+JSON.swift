import FoundationEssentials
package import System

extension Vocabulary {
    private static let formatVersion = 1

    /// The name of its file in a checkpoint.
    package static let artifactName = "vocabulary.json"

    package var artifact: Artifact { Artifact(Self.artifactName, json) }

    /// Reads a file of `artifact`.
    package init(_ artifact: Artifact) throws(TextError) { try self.init(json: artifact.text, path: artifact.place) }

    /// The contents of vocabulary.json on one line: `format_version`, `tokenizer` and, except for bytes, `tokens` by
    /// id.
    package var json: String {
        var json = Array(#"{"format_version":\#(Self.formatVersion),"tokenizer":"\#(kind.rawValue)""#.utf8)
        if kind != .byte {
            json += Array(#","tokens":["#.utf8)
            for id in 0..<count {
                if id > 0 { json.append(UInt8(ascii: ",")) }
                json.append(UInt8(ascii: "\""))
                for byte in tokenBytes[starts[id]..<starts[id + 1]] { Self.append(byte, to: &json) }
                json.append(UInt8(ascii: "\""))
            }
            json.append(UInt8(ascii: "]"))
        }
        json.append(UInt8(ascii: "}"))
        return String(decoding: json, as: UTF8.self)
    }

    /// Reads the format of `json`; unknown keys are ignored. `path` is for messages.
    ///
    /// Throws for an unknown format, and for tokens that are duplicate, out of order, missing or impossible with the
    /// tokenizer.
    package init(json: String, path: String) throws(TextError) {
        let file: JSONFile
        do {
            file = try JSONDecoder().decode(JSONFile.self, from: Data(json.utf8))
        } catch {
            throw .invalidVocabulary(path: path, found: Self.fault(in: error))
        }
        guard file.formatVersion == Double(Self.formatVersion) else {
            let found = Int(exactly: file.formatVersion).map { "\($0)" } ?? "\(file.formatVersion)"
            throw .invalidVocabulary(
                path: path, found: "its format_version is \(found), this program reads \(Self.formatVersion)")
        }
        guard let kind = TokenizerKind(rawValue: file.tokenizer) else {
            let kinds = TokenizerKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalidVocabulary(path: path, found: "its tokenizer is not one of \(kinds)")
        }
        if let found = Self.fault(in: file.tokens, kind) { throw .invalidVocabulary(path: path, found: found) }
        guard let tokens = file.tokens else {
            self = .bytes
            return
        }
        var tokenBytes: [UInt8] = []
        var starts = [0]
        for token in tokens {
            tokenBytes += Array(token.utf8)
            starts.append(tokenBytes.count)
        }
        self.init(kind: kind, tokenBytes: tokenBytes, starts: starts)
        if let id = lookup.doubled {
            throw .invalidVocabulary(path: path, found: "its token \(id) occurs twice")
        }
    }

    private struct JSONFile: Decodable {
        /// Not `Int`, because the decoding error of a fraction doesn't contain the key.
        let formatVersion: Double
        let tokenizer: String
        let tokens: [String]?

        enum CodingKeys: String, CodingKey {
            case formatVersion = "format_version"
            case tokenizer, tokens
        }
    }

    private static func fault(in error: any Error) -> String {
        let key: (any CodingKey)? =
            switch error {
            case DecodingError.keyNotFound(let key, _): key
            case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
                context.codingPath.first
            case DecodingError.dataCorrupted(let context): context.codingPath.first
            default: nil
            }
        switch key?.stringValue {
        case "format_version": return "it has no number as format_version"
        case "tokenizer": return "it has no text as tokenizer"
        case "tokens": return "its tokens aren't a list of texts"
        default: return "it isn't an object in valid JSON"
        }
    }

    /// The first error in a file's tokens, each checked separately; nil if there is none.
    private static func fault(in tokens: [String]?, _ kind: TokenizerKind) -> String? {
        switch (kind, tokens) {
        case (.byte, nil): return nil
        case (.byte, _): return "it lists tokens, which the byte tokenizer doesn't have"
        case (_, nil): return "it has no tokens"
        case (.character, let tokens?): return faultInCharacters(tokens)
        case (.word, let tokens?): return faultInWords(tokens)
        }
    }

    private static func faultInCharacters(_ tokens: [String]) -> String? {
        guard !tokens.isEmpty else { return "it has no tokens" }
        var last: Unicode.Scalar?
        for (id, token) in tokens.enumerated() {
            guard token.unicodeScalars.count == 1, let scalar = token.unicodeScalars.first else {
                return "its token \(id) isn't one character"
            }
            if let last, last >= scalar { return "its token \(id) isn't in code-point order" }
            last = scalar
        }
        return nil
    }

    private static func faultInWords(_ tokens: [String]) -> String? {
        guard tokens.prefix(reservedWords.count).map({ Array($0.utf8) }) == reservedWords else {
            return "its tokens don't begin with <unk> and <eos>"
        }
        for (id, token) in tokens.enumerated() {
            if token.isEmpty || token.unicodeScalars.contains(where: \.properties.isWhitespace) {
                return "its token \(id) isn't a word without white space"
            }
        }
        return nil
    }

    private static func append(_ byte: UInt8, to json: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): json += [UInt8(ascii: "\\"), byte]
        case UInt8(ascii: "\n"): json += Array(#"\n"#.utf8)
        case UInt8(ascii: "\r"): json += Array(#"\r"#.utf8)
        case UInt8(ascii: "\t"): json += Array(#"\t"#.utf8)
        case 0..<0x20: json += Array(((byte < 0x10 ? #"\u000"# : #"\u00"#) + String(byte, radix: 16)).utf8)
        default: json.append(byte)
        }
    }
}
