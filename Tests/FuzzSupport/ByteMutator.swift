/// Mutations of bytes that know only the significant words of a format.
struct ByteMutator: Sendable {
    let words: [[UInt8]]

    init(words: [String]) { self.words = words.map { Array($0.utf8) } }

    /// Misplaced leading and continuation bytes, surrogates, overlong forms, values beyond Unicode, a byte order mark,
    /// unusual line ends, and zero.
    static let badUTF8: [[UInt8]] = [
        [0x80], [0xC0, 0x80], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80],
        [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xEF, 0xBB, 0xBF], [0xE2, 0x80, 0xA8], [0xC2, 0x85], [0],
    ]

    /// Changes the bytes at one offset.
    func mutate(_ bytes: inout [UInt8], _ random: inout FuzzRandom) {
        let offset = random.below(bytes.count + 1)
        let range = random.range(in: bytes.count, longest: 1 << random.below(8))
        switch random.below(12) {
        case 0 where offset < bytes.count: bytes[offset] = UInt8(truncatingIfNeeded: random.next())
        case 1 where offset < bytes.count: bytes[offset] ^= 1 << UInt8(random.below(8))
        case 2, 3: bytes.insert(contentsOf: random.pick(words), at: offset)
        case 4: bytes.replaceSubrange(range, with: random.pick(words))
        case 5: bytes.removeSubrange(range)
        case 6: bytes.insert(contentsOf: Array(bytes[range]), at: offset)
        case 7: bytes.insert(contentsOf: random.pick(Self.badUTF8), at: offset)
        case 8: bytes.removeSubrange(offset...)
        case 9: bytes.removeSubrange(..<offset)
        case 10 where random.once(in: 8):
            let times = 1 << random.below(random.once(in: 20) ? 17 : 11)
            bytes.insert(contentsOf: Array(repeatElement(random.pick(words), count: times).joined()), at: offset)
        default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: offset)
        }
    }
}
