// Validation of UTF-8, and functions for validated text.

/// The first error in bytes that aren't text, with its offset.
enum TextFault: Equatable {
    case zeroByte(Int)
    /// The offset of a sequence that isn't in table 3-7 of the Unicode standard.
    case malformed(Int)
}

/// The first zero byte or malformed sequence, nil for text. Eight bytes at a time while they are ASCII.
func firstTextFault(in bytes: UnsafeBufferPointer<UInt8>) -> TextFault? {
    guard let start = bytes.baseAddress else { return nil }
    let raw = UnsafeRawPointer(start)
    let size = bytes.count
    var offset = 0
    while offset < size {
        while offset + 8 <= size {
            let eight = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            // The lowest zero byte becomes 0xFF. Its borrow from higher bytes can only cause an unneeded slow check.
            guard ((eight &- 0x0101_0101_0101_0101) | eight) & 0x8080_8080_8080_8080 == 0 else { break }
            offset += 8
        }
        // Checks the characters of eight bytes one by one, then tries the fast check again.
        let pause = min(size, offset + 8)
        while offset < pause {
            if start[offset] == 0 { return .zeroByte(offset) }
            let length = start[offset] < 0x80 ? 1 : wellFormedLength(start + offset, size - offset)
            guard length > 0 else { return .malformed(offset) }
            offset += length
        }
    }
    return nil
}

/// The length of the well-formed sequence of at least two bytes at `p`; 0 if there is none within `available` bytes.
private func wellFormedLength(_ p: UnsafePointer<UInt8>, _ available: Int) -> Int {
    func continues(_ index: Int) -> Bool { p[index] & 0xC0 == 0x80 }
    switch p[0] {
    case 0xC2...0xDF:
        return available >= 2 && continues(1) ? 2 : 0
    case 0xE0...0xEF:
        guard available >= 3, continues(1), continues(2) else { return 0 }
        if p[0] == 0xE0 { return p[1] >= 0xA0 ? 3 : 0 }  // else it would fit into two bytes
        if p[0] == 0xED { return p[1] <= 0x9F ? 3 : 0 }  // else a surrogate
        return 3
    case 0xF0...0xF4:
        guard available >= 4, continues(1), continues(2), continues(3) else { return 0 }
        if p[0] == 0xF0 { return p[1] >= 0x90 ? 4 : 0 }  // else it would fit into three bytes
        if p[0] == 0xF4 { return p[1] <= 0x8F ? 4 : 0 }  // else above U+10FFFF
        return 4
    default:
        return 0
    }
}

/// The length of a byte order mark (U+FEFF) at the beginning of a file, which is not part of the text; 0 if there is
/// none.
func markLength(of bytes: UnsafeBufferPointer<UInt8>) -> Int {
    bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF ? 3 : 0
}

/// The scalar at `p` and its length in bytes, in validated text.
@inline(__always)
func scalar(at p: UnsafePointer<UInt8>) -> (value: Int, length: Int) {
    let first = Int(p[0])
    if first < 0x80 { return (first, 1) }
    let second = Int(p[1] & 0x3F)
    if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
    let third = Int(p[2] & 0x3F)
    if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
    return ((first & 0x07) << 18 | second << 12 | third << 6 | Int(p[3] & 0x3F), 4)
}

/// The length of the white space character (Unicode White_Space) at `p`; 0 if it is another character. In validated
/// text.
@inline(__always)
func whiteSpaceLength(at p: UnsafePointer<UInt8>) -> Int {
    let first = p[0]
    if first < 0x80 { return first == 0x20 || (first >= 0x09 && first <= 0x0D) ? 1 : 0 }
    switch first {
    case 0xC2: return p[1] == 0x85 || p[1] == 0xA0 ? 2 : 0  // U+0085, U+00A0
    case 0xE1: return p[1] == 0x9A && p[2] == 0x80 ? 3 : 0  // U+1680
    case 0xE2:
        if p[1] == 0x81 { return p[2] == 0x9F ? 3 : 0 }  // U+205F
        guard p[1] == 0x80 else { return 0 }
        // U+2000 to U+200A, U+2028, U+2029, U+202F
        return p[2] <= 0x8A || p[2] == 0xA8 || p[2] == 0xA9 || p[2] == 0xAF ? 3 : 0
    case 0xE3: return p[1] == 0x80 && p[2] == 0x80 ? 3 : 0  // U+3000
    default: return 0
    }
}
