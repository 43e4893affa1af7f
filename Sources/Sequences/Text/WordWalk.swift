/// An iterator over the words and line ends of validated text; the only code that determines where a word ends.
struct WordWalk {
    enum Step {
        case word(start: UnsafePointer<UInt8>, length: Int, hash: UInt32)
        case lineEnd
        case end
    }

    private let bytes: UnsafePointer<UInt8>
    private let size: Int
    /// Whether a last line without a newline has a line end.
    private let endsLastLine: Bool
    /// The offset of the next byte; `size + 1` after the line end of a last line without a newline.
    private(set) var offset: Int

    /// `text` must not be empty, and must stay valid as long as the walk is used.
    init(over text: UnsafeBufferPointer<UInt8>, at offset: Int = 0, endsLastLine: Bool = true) {
        // Never nil for a buffer that isn't empty.
        bytes = text.baseAddress.unsafelyUnwrapped
        size = text.count
        self.offset = offset
        self.endsLastLine = endsLastLine && text[text.count - 1] != UInt8(ascii: "\n")
    }

    @inline(__always)
    mutating func next() -> Step {
        while offset < size {
            if bytes[offset] == UInt8(ascii: "\n") {
                offset += 1
                return .lineEnd
            }
            let blank = whiteSpaceLength(at: bytes + offset)
            if blank == 0 { return word() }
            offset += blank
        }
        guard offset == size, endsLastLine else { return .end }
        offset = size + 1
        return .lineEnd
    }

    @inline(__always)
    private mutating func word() -> Step {
        let start = bytes + offset
        var hash = WordHash()
        while offset < size {
            let byte = bytes[offset]
            let isPlain = byte &- 0x21 < 0x5F  // 0x21 to 0x7F: ASCII beyond the space
            if !isPlain && whiteSpaceLength(at: bytes + offset) > 0 { break }
            // A continuation byte never begins white space, so a word can be read byte by byte.
            hash.add(byte)
            offset += 1
        }
        return .word(start: start, length: offset - (start - bytes), hash: hash.value)
    }
}

/// FNV-1a in 64 bits, folded to 32 bits that are all suitable to select a slot.
struct WordHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    init() {}

    init(of bytes: some Sequence<UInt8>) {
        for byte in bytes { add(byte) }
    }

    @inline(__always)
    mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }

    @inline(__always)
    var value: UInt32 {
        UInt32(truncatingIfNeeded: ((state ^ state >> 29) &* 0x9E37_79B9_7F4A_7C15) >> 32)
    }
}
