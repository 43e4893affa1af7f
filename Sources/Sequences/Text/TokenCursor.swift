import System

/// A read position in a token stream. Copies are independent.
package struct TokenCursor: Sendable {
    package let text: TokenText
    /// The next token's index, from 0; `text.count` at the end.
    package private(set) var position: Int
    private var location: TokenText.FileOffset

    fileprivate init(_ text: TokenText, mark: Int) {
        self.text = text
        location = text.marks[mark]
        position = mark * text.interval
    }

    fileprivate init(_ text: TokenText, byte: Int) {
        self.text = text
        location = TokenText.FileOffset(file: 0, offset: byte)
        position = byte
        while location.file < text.files.files.count - 1,
            location.offset >= text.files.files[location.file].bytes.count
        {
            location.offset -= text.files.files[location.file].bytes.count
            location.file += 1
        }
    }

    /// The next token; throws as `read(into:)` does. Assumes `position < text.count`.
    package mutating func next() throws(TextError) -> Int32 {
        var token: Int32 = 0
        try withUnsafeMutablePointer(to: &token) { (pointer) throws(TextError) in
            try read(into: UnsafeMutableBufferPointer(start: pointer, count: 1))
        }
        return token
    }

    /// Fills `tokens` with the next tokens. Assumes `position + tokens.count <= text.count`.
    ///
    /// - Throws: `TextError.changed` if a file has visibly changed since it was opened: its characters are not in the
    ///   vocabulary, or there are fewer tokens.
    package mutating func read(into tokens: UnsafeMutableBufferPointer<Int32>) throws(TextError) {
        precondition(tokens.count <= text.count - position, "a token cursor is read beyond the end of its text")
        position += tokens.count
        var filled = 0
        while filled < tokens.count {
            let remaining = UnsafeMutableBufferPointer(rebasing: tokens[filled...])
            let file = text.files.files[location.file].bytes
            filled += try read(from: file, into: remaining)
            guard filled < tokens.count else { return }
            let next = location.file + 1
            guard next < text.files.files.count else { throw changed }
            let start = text.vocabulary.kind == .byte ? 0 : markLength(of: text.files.files[next].bytes)
            location = TokenText.FileOffset(file: next, offset: start)
        }
    }

    private var changed: TextError { .changed(path: text.files.files[location.file].path) }

    /// Reads from one file until `tokens` is full or the file ends, and returns the number of tokens read.
    private mutating func read(
        from file: UnsafeBufferPointer<UInt8>, into tokens: UnsafeMutableBufferPointer<Int32>
    ) throws(TextError) -> Int {
        switch text.vocabulary.kind {
        case .byte: readBytes(from: file, into: tokens)
        case .character: try readCharacters(from: file, into: tokens)
        case .word: readWords(from: file, into: tokens)
        }
    }

    private mutating func readBytes(
        from file: UnsafeBufferPointer<UInt8>, into tokens: UnsafeMutableBufferPointer<Int32>
    ) -> Int {
        let offset = location.offset
        let count = min(tokens.count, file.count - offset)
        for index in 0..<count { tokens[index] = Int32(file[offset + index]) }
        location.offset += count
        return count
    }

    private mutating func readCharacters(
        from file: UnsafeBufferPointer<UInt8>, into tokens: UnsafeMutableBufferPointer<Int32>
    ) throws(TextError) -> Int {
        guard let start = file.baseAddress else { return 0 }
        var offset = location.offset
        var count = 0
        let isKnown = text.vocabulary.lookup.characters.withUnsafeBufferPointer { characters in
            while count < tokens.count && offset < file.count {
                let (value, length) = scalar(at: start + offset)
                // TokenText has checked that every character is in the vocabulary: an unknown one means that the file
                // has changed.
                guard value < characters.count, characters[value] > 0 else { return false }
                tokens[count] = characters[value] - 1
                count += 1
                offset += length
            }
            return true
        }
        guard isKnown else { throw changed }
        location.offset = offset
        return count
    }

    private mutating func readWords(
        from file: UnsafeBufferPointer<UInt8>, into tokens: UnsafeMutableBufferPointer<Int32>
    ) -> Int {
        var walk = WordWalk(over: file, at: location.offset)
        let count = text.vocabulary.withWordIDs { words in
            for index in tokens.indices {
                switch walk.next() {
                case .end: return index
                case .lineEnd: tokens[index] = Vocabulary.lineEnd
                case .word(let start, let length, let hash):
                    tokens[index] = words.id(of: start, length: length, hash: hash)
                }
            }
            return tokens.count
        }
        location.offset = walk.offset
        return count
    }
}

extension TokenText {
    /// A cursor before token `position`, from 0 to `count`. Starts at the mark before it and skips at most `interval`
    /// tokens.
    ///
    /// - Throws: `TextError.changed`, as `TokenCursor.read(into:)` does.
    package func cursor(at position: Int) throws(TextError) -> TokenCursor {
        precondition((0...count).contains(position), "token \(position) is outside a text of \(count) tokens")
        guard vocabulary.kind != .byte else { return TokenCursor(self, byte: position) }
        // There is no mark at the end of the text.
        var cursor = TokenCursor(self, mark: min(position / interval, marks.count - 1))
        // A kilobyte; a larger allocation would be on the heap.
        let result: Result<Void, TextError> = withUnsafeTemporaryAllocation(
            of: Int32.self, capacity: min(interval, 256)
        ) { skipped in
            Result { () throws(TextError) in
                while cursor.position < position {
                    try cursor.read(
                        into: UnsafeMutableBufferPointer(rebasing: skipped.prefix(position - cursor.position)))
                }
            }
        }
        try result.get()
        return cursor
    }
}
