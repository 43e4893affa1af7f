import Glibc

/// The ids of characters or words: a table by code point, or an open-addressing hash table of words.
struct TokenLookup: Sendable {
    struct Slot {
        var hash: UInt32
        /// The id plus 1; 0 means free.
        var number: UInt32
    }

    /// The id plus 1 of each code point up to the highest, at least of all of ASCII; 0 means not in the vocabulary.
    /// At most 4.5 MB.
    private(set) var characters: [Int32] = []
    /// The number of slots is a power of two, at most two thirds are used: 12 to 24 bytes per word.
    private(set) var slots: [Slot] = []
    /// The first id whose token also has a lower id, which makes a vocabulary invalid.
    private(set) var doubled: Int?

    init(kind: TokenizerKind, tokenBytes: [UInt8], starts: [Int]) {
        switch kind {
        case .byte: break
        case .character: addCharacters(tokenBytes, starts)
        case .word: addWords(tokenBytes, starts)
        }
    }

    /// The id of a character; nil if it isn't in the vocabulary.
    func id(of character: Unicode.Scalar) -> Int32? {
        let value = Int(character.value)
        return value < characters.count && characters[value] > 0 ? characters[value] - 1 : nil
    }

    private mutating func addCharacters(_ tokenBytes: [UInt8], _ starts: [Int]) {
        let values = String(decoding: tokenBytes, as: UTF8.self).unicodeScalars.map { Int($0.value) }
        characters = [Int32](repeating: 0, count: max(0x80, (values.max() ?? 0) + 1))
        for (id, value) in values.enumerated() {
            if characters[value] > 0 {
                doubled = doubled ?? id
            } else {
                characters[value] = Int32(id + 1)
            }
        }
    }

    private mutating func addWords(_ tokenBytes: [UInt8], _ starts: [Int]) {
        let count = starts.count - 1
        var slotCount = 16
        while slotCount * 2 / 3 < count { slotCount *= 2 }
        slots = [Slot](repeating: Slot(hash: 0, number: 0), count: slotCount)
        for id in 0..<count {
            let word = tokenBytes[starts[id]..<starts[id + 1]]
            let hash = WordHash(of: word).value
            var slot = Int(hash) & (slotCount - 1)
            while slots[slot].number > 0 {
                let other = Int(slots[slot].number) - 1
                if slots[slot].hash == hash && tokenBytes[starts[other]..<starts[other + 1]] == word { break }
                slot = (slot + 1) & (slotCount - 1)
            }
            if slots[slot].number > 0 {
                doubled = doubled ?? id
            } else {
                slots[slot] = Slot(hash: hash, number: UInt32(id + 1))
            }
        }
    }
}

/// The ids of words by plain pointers, for loops over text; valid only inside `Vocabulary.withWordIDs`.
struct WordIDs {
    fileprivate let slots: UnsafePointer<TokenLookup.Slot>
    fileprivate let mask: Int
    fileprivate let tokenBytes: UnsafePointer<UInt8>
    fileprivate let starts: UnsafePointer<Int>

    /// The id of the word of `length` bytes at `word`; that of `<unk>` if it isn't in the vocabulary.
    @inline(__always)
    func id(of word: UnsafePointer<UInt8>, length: Int, hash: UInt32) -> Int32 {
        var slot = Int(hash) & mask
        while slots[slot].number > 0 {
            let id = Int(slots[slot].number) - 1
            if slots[slot].hash == hash && starts[id + 1] - starts[id] == length
                && memcmp(tokenBytes + starts[id], word, length) == 0
            {
                return Int32(truncatingIfNeeded: id)
            }
            slot = (slot + 1) & mask
        }
        return Vocabulary.unknownWord
    }
}

extension Vocabulary {
    /// Calls `body` with the words' ids. The vocabulary is of kind `word`.
    @inline(__always)
    func withWordIDs<Result>(_ body: (WordIDs) -> Result) -> Result {
        lookup.slots.withUnsafeBufferPointer { slots in
            tokenBytes.withUnsafeBufferPointer { tokenBytes in
                starts.withUnsafeBufferPointer { starts in
                    // None of the three is empty: a vocabulary of words contains <unk> and <eos>.
                    body(
                        WordIDs(
                            slots: slots.baseAddress.unsafelyUnwrapped, mask: slots.count - 1,
                            tokenBytes: tokenBytes.baseAddress.unsafelyUnwrapped,
                            starts: starts.baseAddress.unsafelyUnwrapped))
                }
            }
        }
    }
}
