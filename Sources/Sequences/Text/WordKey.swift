import Glibc

/// A word of validated text in 12 bytes: its bytes if it is short, else its address in the mapped file.
///
/// So counting rarely reads the first occurrence of a word in the file. The word's text must stay mapped as long as the
/// key is used.
struct WordKey {
    private static let longestInline = 8

    /// A short word's bytes from the lowest byte up, padded with zeros (text has no zero byte); a longer word's
    /// address.
    private let bits: UInt64
    private let count: UInt32

    @inline(__always)
    init(_ start: UnsafePointer<UInt8>, length: Int) {
        count = UInt32(length)
        bits = length > Self.longestInline ? UInt64(UInt(bitPattern: start)) : Self.packed(start, length)
    }

    var length: Int { Int(count) }

    func append(to bytes: inout [UInt8]) {
        if length > Self.longestInline {
            bytes += UnsafeBufferPointer(start: address, count: length)
        } else {
            for index in 0..<length { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * index))) }
        }
    }

    // Only for words longer than `longestInline`, where `bits` came from a pointer.
    @inline(__always)
    private var address: UnsafePointer<UInt8> { UnsafePointer(bitPattern: UInt(bits)).unsafelyUnwrapped }

    /// The first eight bytes, the first one highest, so that their numeric order is the order of the words.
    private var head: UInt64 {
        (length > Self.longestInline ? Self.packed(address, Self.longestInline) : bits).byteSwapped
    }

    /// Packs `length` bytes at `start`, 1 to 8, without reading beyond them.
    @inline(__always)
    private static func packed(_ start: UnsafePointer<UInt8>, _ length: Int) -> UInt64 {
        let raw = UnsafeRawPointer(start)
        if length >= 4 {
            // Two halves that may overlap.
            let low = UInt64(raw.loadUnaligned(as: UInt32.self))
            let high = UInt64(raw.loadUnaligned(fromByteOffset: length - 4, as: UInt32.self))
            return low | high << (8 * (length - 4))
        }
        let middle = UInt64(start[length / 2]) << (8 * (length / 2))
        return UInt64(start[0]) | middle | UInt64(start[length - 1]) << (8 * (length - 1))
    }
}

extension WordKey: Comparable {
    @inline(__always)
    static func == (a: WordKey, b: WordKey) -> Bool {
        guard a.count == b.count else { return false }
        if a.bits == b.bits { return true }
        return a.length > longestInline && memcmp(a.address, b.address, a.length) == 0
    }

    /// Code-point order, which for UTF-8 is the order of the bytes; a prefix comes before longer words.
    static func < (a: WordKey, b: WordKey) -> Bool {
        let heads = (a.head, b.head)
        guard heads.0 == heads.1, a.length > longestInline, b.length > longestInline else {
            return heads.0 == heads.1 ? a.count < b.count : heads.0 < heads.1
        }
        let order = memcmp(a.address, b.address, min(a.length, b.length))
        return order == 0 ? a.count < b.count : order < 0
    }
}
