import System

/// The tokens of one split's files by a vocabulary, as one stream in the order of the files.
///
/// Tokens are not stored, but read from the mapped files each time. Only the offset of every 8,192nd token is stored:
/// 16 bytes each, 4 MB for 2 GB of characters.
package final class TokenText: Sendable {
    package let files: TextFiles
    package let vocabulary: Vocabulary
    /// L: the number of tokens, at least 1.
    package let count: Int
    /// The number of tokens between two marks.
    let interval: Int
    /// The offsets of tokens `k * interval`. Empty for bytes, whose offsets need no search.
    let marks: [FileOffset]

    /// The offset in a file at which reading of a token starts, before the white space that precedes a word.
    struct FileOffset {
        var file: Int
        /// The file's size plus 1 after the `<eos>` of a last line without a newline.
        var offset: Int
    }

    /// Reads all files once, to check and count.
    ///
    /// Throws for files that aren't text (`character`, `word`), for a character that isn't in the vocabulary, with its
    /// location, and for a word longer than 1 MiB. `interval` must be above 0.
    package init(_ files: TextFiles, vocabulary: Vocabulary, interval: Int = 8192) throws(TextError) {
        var marks = Marks(interval: interval)
        switch vocabulary.kind {
        case .byte:
            marks.count = files.byteCount
        case .character:
            try files.checkText(for: .character)
            for index in files.files.indices {
                try Self.countCharacters(of: files.files[index], index, vocabulary, &marks)
            }
        case .word:
            try files.checkText(for: .word)
            for index in files.files.indices {
                try Self.countWords(of: files.files[index], index, &marks)
            }
        }
        self.files = files
        self.vocabulary = vocabulary
        self.interval = interval
        self.marks = marks.offsets
        count = marks.count
        for file in files.files { file.forgetPages() }
    }

    private struct Marks {
        let interval: Int
        var count = 0
        var next = 0
        var offsets: [FileOffset] = []

        init(interval: Int) { self.interval = interval }

        /// Counts a token that begins at `offset`, or after white space at `offset`.
        @inline(__always)
        mutating func add(file: Int, offset: Int) {
            if count == next {
                offsets.append(FileOffset(file: file, offset: offset))
                next += interval
            }
            count += 1
        }
    }

    private static func countCharacters(
        of file: MappedFile, _ index: Int, _ vocabulary: Vocabulary, _ marks: inout Marks
    ) throws(TextError) {
        let text = file.bytes
        // The offset of a character that isn't in the vocabulary.
        let fault: Int? = vocabulary.lookup.characters.withUnsafeBufferPointer { characters in
            guard let start = text.baseAddress else { return nil }
            var offset = markLength(of: text)
            while offset < text.count {
                let (value, length) = scalar(at: start + offset)
                guard value < characters.count, characters[value] > 0 else { return offset }
                marks.add(file: index, offset: offset)
                offset += length
            }
            return nil
        }
        guard let fault else { return }
        let character = String(decoding: text[fault..<min(fault + 4, text.count)], as: UTF8.self).unicodeScalars.first
        throw .unknownCharacter(
            character ?? "\u{FFFD}", path: file.path, line: file.line(at: fault), offset: fault,
            vocabularySize: vocabulary.count)
    }

    private static func countWords(of file: MappedFile, _ index: Int, _ marks: inout Marks) throws(TextError) {
        var walk = WordWalk(over: file.bytes, at: markLength(of: file.bytes))
        while true {
            let offset = walk.offset
            switch walk.next() {
            case .end: return
            case .lineEnd: break
            case .word(_, let length, _):
                guard length <= WordTable.longestWord else {
                    throw Vocabulary.longWord(before: walk.offset, length, file)
                }
            }
            marks.add(file: index, offset: offset)
        }
    }
}
