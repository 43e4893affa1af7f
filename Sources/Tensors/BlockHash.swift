extension FloatBlock {
    /// A number that depends on every bit of a range: equal contents have equal numbers, and others almost never.
    ///
    /// Four sums run beside each other, so that a multiplication need not wait for the one before. Exact in a Double: 52 bits.
    package func hash(_ range: Range<Int>) -> UInt64 {
        let floats = self[range]
        var lanes: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
        let factor: UInt64 = 0x9E37_79B9_7F4A_7C15  // odd: a step loses nothing
        var place = 0
        while place + 4 <= floats.count {
            lanes.0 = (lanes.0 ^ UInt64(floats[place].bitPattern)) &* factor
            lanes.1 = (lanes.1 ^ UInt64(floats[place + 1].bitPattern)) &* factor
            lanes.2 = (lanes.2 ^ UInt64(floats[place + 2].bitPattern)) &* factor
            lanes.3 = (lanes.3 ^ UInt64(floats[place + 3].bitPattern)) &* factor
            place += 4
        }
        var sum = UInt64(floats.count)
        for bits in floats[place...].map(\.bitPattern) { sum = (sum ^ UInt64(bits)) &* factor }
        for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
            sum = (sum ^ lane) &* factor
            sum ^= sum >> 32
        }
        return sum >> 12
    }
}
