/// Checks a sum over ranks: the values are functions of rank and index, and their sum is recomputed without MPI.
///
/// All 24 bits of every mantissa are used, and magnitudes are from 1 to 16, so that a wrong order of elements, a rank
/// that is missing or counted twice, and sums in less than single precision are all detected. (Sums of integers are
/// exact in any order and would detect less.) In Double the sum is exact. A sum of N floats rounds N - 1 times in any
/// order: its error is at most (N - 1) 2^-24 times the sum of the magnitudes (Higham, Accuracy and Stability of
/// Numerical Algorithms, section 4.2, to first order); for one rank it is 0.
package struct AllreduceCheck {
    private let ranks: Int

    package init(ranks: Int) { self.ranks = ranks }

    /// The value that a rank contributes at an index.
    @inline(__always)
    static func value(rank: Int, index: Int) -> Float {
        // The finaliser of SplitMix64 (Steele, Lea & Flood 2014), applied to rank and index.
        var word = UInt64(truncatingIfNeeded: index) &* 0x9E37_79B9_7F4A_7C15
        word &+= UInt64(truncatingIfNeeded: rank &+ 1) &* 0xD1B5_4A32_D192_ED03
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        word ^= word >> 31
        let fraction = UInt32(truncatingIfNeeded: word) & 0x7F_FFFF | 1
        let exponent = 127 + UInt32(truncatingIfNeeded: word >> 32) & 3
        return Float(bitPattern: UInt32(truncatingIfNeeded: word >> 63) << 31 | exponent << 23 | fraction)
    }

    /// Fills a message with the values of `rank`.
    package func fill(_ message: UnsafeMutableBufferPointer<Float>, rank: Int) {
        for index in message.indices { message[index] = Self.value(rank: rank, index: index) }
    }

    /// The number of elements that are not the sum of all ranks' values.
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
            // Written so that NaN counts as wrong.
            if !(abs(Double(message[index]) - sum) <= unit * magnitudes) { wrong += 1 }
        }
        return wrong
    }
}
