import System

extension Vocabulary {
    /// The characters (Unicode scalars) that occur in `files`, in code-point order.
    ///
    /// Throws for files that aren't text. Memory: 1.1 MB for any text.
    package static func ofCharacters(in files: TextFiles) throws(TextError) -> Vocabulary {
        try files.checkText(for: .character)
        var occurs = [Bool](repeating: false, count: 0x110000)
        occurs.withUnsafeMutableBufferPointer { occurs in
            for file in files.files { markCharacters(of: file.bytes, in: occurs) }
        }
        var tokenBytes: [UInt8] = []
        var starts = [0]
        for value in occurs.indices where occurs[value] {
            guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
            tokenBytes += Array(String(scalar).utf8)
            starts.append(tokenBytes.count)
        }
        return Vocabulary(kind: .character, tokenBytes: tokenBytes, starts: starts)
    }

    /// `<unk>`, `<eos>` and the most frequent words of `files`, `size` tokens in total (fewer if there are fewer words;
    /// nil for all words), ties in code-point order. `<unk>` and `<eos>` in the text are these two tokens.
    ///
    /// Throws for files that aren't text, for a `size` below 2 and for a word longer than 1 MiB. Memory: see
    /// `WordTable`; counting 5 million distinct words takes at most 154 MB, and about 230 MB if all of them are kept.
    package static func ofWords(in files: TextFiles, size: Int?) throws(TextError) -> Vocabulary {
        if let size, size < reservedWords.count { throw .vocabularyTooSmall(size: size) }
        try files.checkText(for: .word)
        var table = try WordTable()
        for file in files.files { try countWords(of: file, in: &table) }
        for word in reservedWords { table.remove(word) }
        let ranking = table.ranking(limit: size.map { $0 - reservedWords.count })

        var tokenBytes: [UInt8] = []
        var starts = [0]
        let rankedBytes = ranking.reduce(0) { $0 + Int(table[Int($1)].key.length) }
        tokenBytes.reserveCapacity(rankedBytes + reservedWords.reduce(0) { $0 + $1.count })
        starts.reserveCapacity(1 + reservedWords.count + ranking.count)
        for word in reservedWords {
            tokenBytes += word
            starts.append(tokenBytes.count)
        }
        for index in ranking {
            table[Int(index)].key.append(to: &tokenBytes)
            starts.append(tokenBytes.count)
        }
        return Vocabulary(kind: .word, tokenBytes: tokenBytes, starts: starts)
    }

    private static func markCharacters(
        of text: UnsafeBufferPointer<UInt8>, in occurs: UnsafeMutableBufferPointer<Bool>
    ) {
        guard let start = text.baseAddress else { return }
        var offset = markLength(of: text)
        while offset < text.count {
            let (value, length) = scalar(at: start + offset)
            // A file that changes at this moment can hold a value beyond the last character.
            if value < occurs.count { occurs[value] = true }
            offset += length
        }
    }

    private static func countWords(of file: MappedFile, in table: inout WordTable) throws(TextError) {
        var walk = WordWalk(over: file.bytes, at: markLength(of: file.bytes))
        while true {
            switch walk.next() {
            case .end: return
            case .lineEnd: continue
            case .word(let start, let length, let hash):
                guard length <= WordTable.longestWord else { throw longWord(before: walk.offset, length, file) }
                try table.add(start, length: length, hash: hash)
            }
        }
    }

    static func longWord(before offset: Int, _ length: Int, _ file: MappedFile) -> TextError {
        let start = offset - length
        return .longWord(
            path: file.path, line: file.line(at: start), offset: start, longest: WordTable.longestWord)
    }
}
