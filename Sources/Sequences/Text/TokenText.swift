import System

/// The tokens of one split's files under a vocabulary: one stream, the files in their order.
///
/// The tokens aren't kept, they are read from the mapped files again and again. What is kept is where every 8,192nd
/// token begins: 16 bytes each, 4 MB for 2 GB of characters.
package final class TokenText: Sendable {
    package let files: TextFiles
    package let vocabulary: Vocabulary
    /// L: how many tokens there are, at least 1.
    package let count: Int
    /// How many tokens lie between two marks.
    let interval: Int
    /// Where token `k * interval` begins. None for bytes, whose places need no search.
    let marks: [Place]

    /// Where in the files a token begins to be read, white space before a word included.
    struct Place {
        var file: Int
        /// One beyond the file's size behind the `<eos>` of a last line without newline.
        var offset: Int
    }

    /// Reads all files once, to check and count.
    ///
    /// Throws for files that aren't text (`character`, `word`), for a character that the vocabulary lacks, naming it
    /// and its place, and for a word longer than 1 MiB. `interval` is above 0.
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
        self.marks = marks.places
        count = marks.count
        for file in files.files { file.forgetPages() }
    }

    private struct Marks {
        let interval: Int
        var count = 0
        var next = 0
        var places: [Place] = []

        init(interval: Int) { self.interval = interval }

        /// Counts a token that begins at `offset` or behind white space there.
        @inline(__always)
        mutating func add(file: Int, offset: Int) {
            if count == next {
                places.append(Place(file: file, offset: offset))
                next += interval
            }
            count += 1
        }
    }

    private static func countCharacters(
        of file: MappedFile, _ index: Int, _ vocabulary: Vocabulary, _ marks: inout Marks
    ) throws(TextError) {
        let text = file.bytes
        // Where a character stands that the vocabulary lacks.
        let fault: Int? = vocabulary.lookup.characters.withUnsafeBufferPointer { characters in
            guard let start = text.baseAddress else { return nil }
            var offset = 0
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
        var walk = WordWalk(over: file.bytes)
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
