/// SplitMix64 (Steele, Lea & Flood 2014), seeded for each mutation, so that a single mutation can be repeated.
package struct FuzzRandom: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64, mutation: Int) {
        state = seed
        state = next() ^ UInt64(mutation)
        state = next()
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// A number from 0 to `count - 1`; `count` is above 0.
    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }

    /// True with probability 1 / `count`.
    mutating func once(in count: Int) -> Bool { below(count) == 0 }

    /// A random element of `choices`, which must not be empty.
    mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[below(choices.count)] }

    /// A range of at most `longest` within `0..<count`; empty only if `count` is 0.
    mutating func range(in count: Int, longest: Int = .max) -> Range<Int> {
        guard count > 0 else { return 0..<0 }
        let start = below(count)
        return start..<start + 1 + below(min(count - start, longest))
    }
}
