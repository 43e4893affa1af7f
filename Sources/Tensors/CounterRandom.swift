/// Random numbers as a function of (seed, purpose, epoch, index): Philox4x32-10.
///
/// The numbers depend neither on the rank, nor on the number of ranks, nor on earlier draws, so any rank can draw any
/// part. As a generator it counts up within its (purpose, epoch, index). Source: Salmon, Moraes, Dror & Shaw (2011),
/// "Parallel random numbers: as easy as 1, 2, 3", section 3.3 and table 2 (10 rounds).
package struct CounterRandom: RandomNumberGenerator, Sendable {
    /// The purpose of the numbers: two purposes never share a number. The raw values are part of the file format (a
    /// resumed run draws the same numbers), so they are never reused.
    package enum Purpose: UInt32, Sendable, CaseIterable {
        case initialWeights = 1
        case dropout = 2
        case shuffle = 3
        case trainingSequence = 4
        case validationSequence = 5
        case sampling = 6
        case benchmark = 7
        case chronoBias = 8
    }

    private let seed: UInt64
    private let high: SIMD2<UInt32>
    private let index: UInt32
    private var next32: UInt32 = 0
    private var drawn = SIMD4<UInt32>.zero
    private var remaining = 0

    package init(seed: UInt64, purpose: Purpose, epoch: Int = 0, index: Int = 0) {
        self.seed = seed
        high = SIMD2(UInt32(truncatingIfNeeded: epoch), purpose.rawValue)
        self.index = UInt32(truncatingIfNeeded: index)
    }

    /// The four words for one counter, whose words 0 to 2 are the arguments; word 3 holds the purpose in its low byte
    /// and `channel` above it.
    package static func words(
        seed: UInt64, purpose: Purpose, channel: UInt32 = 0, _ a: UInt32, _ b: UInt32, _ c: UInt32
    ) -> SIMD4<UInt32> {
        philox(SIMD4(a, b, c, purpose.rawValue | channel << 8), key: seed)
    }

    /// Philox4x32 with 10 rounds.
    @inline(__always)
    static func philox(_ counter: SIMD4<UInt32>, key: UInt64) -> SIMD4<UInt32> {
        var x = counter
        var key0 = UInt32(truncatingIfNeeded: key)
        var key1 = UInt32(truncatingIfNeeded: key >> 32)
        for _ in 0..<10 {
            let product0 = UInt64(x[0]) * 0xD251_1F53
            let product1 = UInt64(x[2]) * 0xCD9E_8D57
            x = SIMD4(
                UInt32(truncatingIfNeeded: product1 >> 32) ^ x[1] ^ key0, UInt32(truncatingIfNeeded: product1),
                UInt32(truncatingIfNeeded: product0 >> 32) ^ x[3] ^ key1, UInt32(truncatingIfNeeded: product0))
            key0 &+= 0x9E37_79B9
            key1 &+= 0xBB67_AE85
        }
        return x
    }

    package mutating func nextWord() -> UInt32 {
        if remaining == 0 {
            drawn = Self.philox(SIMD4(next32, index, high.x, high.y), key: seed)
            next32 &+= 1
            remaining = 4
        }
        remaining -= 1
        return drawn[3 - remaining]
    }

    package mutating func next() -> UInt64 { UInt64(nextWord()) | UInt64(nextWord()) << 32 }

    /// Uniform in [0, 1), a multiple of 2^-24.
    package mutating func uniform() -> Float { Self.unit(nextWord()) }

    /// Uniform in [low, high).
    package mutating func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * uniform() }

    /// Uniform in 0..<bound (Lemire's multiplication, 32 bits); the bias is negligible.
    package mutating func below(_ bound: Int) -> Int {
        Int((UInt64(nextWord()) * UInt64(bound)) >> 32)
    }

    /// A word as a number in [0, 1), a multiple of 2^-24.
    @inline(__always)
    package static func unit(_ word: UInt32) -> Float { Float(word >> 8) * 0x1p-24 }
}
