/// Whether a sum over ranks is right: numbers that follow from rank and place, and their sum made anew, without MPI.
///
/// All 24 bits of every mantissa are in use, and magnitudes go from 1 to 16, so that a wrong order, a rank that is missing or
/// counted twice, and sums in less than single precision all show. (Sums of round numbers are exact in any order and prove
/// nothing.) In Double the sum is exact. A sum of N floats rounds N - 1 times, in whatever order: it may be off by
/// (N - 1) 2^-24 of the sum of the magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2, in first
/// order) and no more; for one rank, by nothing.
package struct AllreduceCheck {
    private let ranks: Int

    package init(ranks: Int) { self.ranks = ranks }

    /// The number that a rank contributes at a place.
    @inline(__always)
    static func value(rank: Int, index: Int) -> Float {
        // The finaliser of SplitMix64 (Steele, Lea & Flood 2014) over rank and place.
        var word = UInt64(truncatingIfNeeded: index) &* 0x9E37_79B9_7F4A_7C15
        word &+= UInt64(truncatingIfNeeded: rank &+ 1) &* 0xD1B5_4A32_D192_ED03
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        word ^= word >> 31
        let fraction = UInt32(truncatingIfNeeded: word) & 0x7F_FFFF | 1
        let exponent = 127 + UInt32(truncatingIfNeeded: word >> 32) & 3
        return Float(bitPattern: UInt32(truncatingIfNeeded: word >> 63) << 31 | exponent << 23 | fraction)
    }

    /// Fills a message with what `rank` contributes.
    package func fill(_ message: UnsafeMutableBufferPointer<Float>, rank: Int) {
        for index in message.indices { message[index] = Self.value(rank: rank, index: index) }
    }

    /// How many elements are not the sum of all ranks' numbers.
    package func wrong(in message: UnsafeMutableBufferPointer<Float>) -> Int {
        let unit = Double(ranks - 1) * 0x1p-24
        var wrong = 0
        for index in message.indices {
            var (sum, magnitudes) = (0.0, 0.0)
            for rank in 0..<ranks {
                let value = Double(Self.value(rank: rank, index: index))
                sum += value
                magnitudes += abs(value)
            }
            // Written so that NaN is wrong, too.
            if !(abs(Double(message[index]) - sum) <= unit * magnitudes) { wrong += 1 }
        }
        return wrong
    }
}
