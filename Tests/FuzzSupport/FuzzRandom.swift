/// SplitMix64 (Steele, Lea & Flood 2014), begun anew for each mutation: any of them can be made again by itself.
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

    /// True once in `count` times.
    mutating func once(in count: Int) -> Bool { below(count) == 0 }

    /// One of the choices, of which there is at least one.
    mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[below(choices.count)] }

    /// A range of up to `longest` within `0..<count`, empty only if there is nothing.
    mutating func range(in count: Int, longest: Int = .max) -> Range<Int> {
        guard count > 0 else { return 0..<0 }
        let start = below(count)
        return start..<start + 1 + below(min(count - start, longest))
    }
}
