extension Vocabulary {
    /// The tokens of a prompt. Unknown words become `<unk>`; with words, each newline becomes `<eos>`. A last line
    /// without a newline gets no `<eos>`, so that generation continues in that line.
    ///
    /// Throws for a character that isn't in a vocabulary of characters.
    package func encode(prompt: String) throws(TextError) -> [Int32] {
        switch kind {
        case .byte:
            return prompt.utf8.map { Int32($0) }
        case .character:
            var ids: [Int32] = []
            for scalar in prompt.unicodeScalars {
                guard let id = lookup.id(of: scalar) else {
                    throw .unknownPromptCharacter(scalar, position: ids.count + 1, vocabularySize: count)
                }
                ids.append(id)
            }
            return ids
        case .word:
            return words(of: Array(prompt.utf8))
        }
    }

    /// A token as text; invalid UTF-8 is replaced.
    func spelling(of id: Int) -> String { String(decoding: bytes(of: id), as: UTF8.self) }

    /// The bytes to print for tokens: bytes and characters unchanged, words with single spaces between them and a
    /// newline for `<eos>`. Ids outside the vocabulary are skipped.
    package func decode(_ ids: some Sequence<Int32>) -> [UInt8] {
        var text: [UInt8] = []
        var isInLine = false
        for id in ids {
            guard kind == .word else {
                text += bytes(of: Int(id))
                continue
            }
            if id == Self.lineEnd {
                text.append(UInt8(ascii: "\n"))
                isInLine = false
            } else {
                if isInLine { text.append(UInt8(ascii: " ")) }
                text += bytes(of: Int(id))
                isInLine = true
            }
        }
        return text
    }

    private func words(of prompt: [UInt8]) -> [Int32] {
        guard !prompt.isEmpty else { return [] }
        return prompt.withUnsafeBufferPointer { prompt in
            withWordIDs { words in
                var walk = WordWalk(over: prompt, endsLastLine: false)
                var ids: [Int32] = []
                while true {
                    switch walk.next() {
                    case .end: return ids
                    case .lineEnd: ids.append(Self.lineEnd)
                    case .word(let start, let length, let hash):
                        ids.append(words.id(of: start, length: length, hash: hash))
                    }
                }
            }
        }
    }
}
