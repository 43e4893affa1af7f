import TestSupport

/// SplitMix64, seeded for each mutation, so that a single mutation can be repeated.
package struct FuzzRandom: RandomNumberGenerator {
    private var random: SeededRandom

    package init(seed: UInt64, mutation: Int) {
        var first = SeededRandom(seed)
        var second = SeededRandom(first.next() ^ UInt64(mutation))
        random = SeededRandom(second.next())
    }

    package mutating func next() -> UInt64 { random.next() }

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
