/// A non-cryptographic 64-bit hash of all bytes and of their count, to compare data between ranks. About 8 GB/s.
package struct Hash64: Equatable {
    package let value: UInt64

    package init(_ bytes: [UInt8]) { self = bytes.withUnsafeBytes { Hash64($0) } }

    package init(_ text: String) { self.init(Array(text.utf8)) }

    package init(_ bytes: UnsafeRawBufferPointer) {
        // Four independent chains, so that a multiplication need not wait for the previous one.
        var lanes: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
        var offset = 0
        while offset + 32 <= bytes.count {
            lanes.0 = Self.step(lanes.0, bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            lanes.1 = Self.step(lanes.1, bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
            lanes.2 = Self.step(lanes.2, bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self))
            lanes.3 = Self.step(lanes.3, bytes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self))
            offset += 32
        }
        var sum = UInt64(bytes.count)
        for byte in bytes[offset...] { sum = Self.step(sum, UInt64(byte)) }
        for lane in [lanes.0, lanes.1, lanes.2, lanes.3] { sum = Self.step(sum, lane) }
        value = sum
    }

    /// Mixes a word into every bit of the sum.
    @inline(__always)
    private static func step(_ sum: UInt64, _ word: UInt64) -> UInt64 {
        let product = (sum ^ word) &* 0x9E37_79B9_7F4A_7C15  // odd, so a step is invertible
        return product ^ product >> 29
    }
}
