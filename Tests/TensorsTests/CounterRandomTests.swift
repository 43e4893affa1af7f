import Foundation
import Tensors
import TestSupport
import Testing

/// `philox.json`, made by a plain implementation in Python that was checked against Random123's test vectors.
private struct PhiloxFixture: Decodable {
    struct Answer: Decodable {
        let counter: [UInt32]
        let key: [UInt32]
        let words: [UInt32]
    }
    struct DropoutWords: Decodable {
        let seed: UInt64
        let place: UInt32
        let stream: UInt32
        let time: UInt32
        let unit: UInt32
        let words: [UInt32]
    }
    struct DropoutMask: Decodable {
        let seed: UInt64
        let rate: Float
        let place: UInt32
        let stream: UInt32
        let time: UInt32
        let width: Int
        let kept: [Int]
    }
    let known_answers: [Answer]
    let dropout_words: [DropoutWords]
    let dropout_masks: [DropoutMask]

    static func load() throws -> PhiloxFixture {
        let file = ProjectFiles.fixtures.appending(path: "philox.json")
        return try JSONDecoder().decode(PhiloxFixture.self, from: Data(contentsOf: file))
    }
}

extension SIMD4<UInt32> {
    fileprivate var array: [UInt32] { indices.map { self[$0] } }
}

extension RandomNumberGenerator {
    fileprivate mutating func word() -> UInt32 { next() }
}

/// Philox4x32-10 as in section 3.3 of the paper: ten rounds on (L0, R0, L1, R1) with a key that is incremented.
private func plainPhilox(_ counter: [UInt32], key: [UInt32]) -> [UInt32] {
    var x = counter
    for round: UInt32 in 0..<10 {
        let (high0, low0) = (0xD251_1F53 as UInt32).multipliedFullWidth(by: x[0])
        let (high1, low1) = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: x[2])
        x = [
            high1 ^ x[1] ^ (key[0] &+ round &* 0x9E37_79B9), low1,
            high0 ^ x[3] ^ (key[1] &+ round &* 0xBB67_AE85), low0,
        ]
    }
    return x
}

@Suite("Counter-based random numbers")
struct CounterRandomTests {
    @Test("the plain Philox above gives Random123's known answers, and the words equal its words at any counter")
    func knownAnswers() throws {
        let answers = try PhiloxFixture.load().known_answers
        #expect(answers.count == 3)
        for answer in answers { #expect(plainPhilox(answer.counter, key: answer.key) == answer.words) }

        var source = SystemRandomNumberGenerator()
        for purpose in CounterRandom.Purpose.allCases {
            for _ in 0..<100 {
                let (seed, a, b, c) = (source.next() as UInt64, source.word(), source.word(), source.word())
                let channel = source.word() >> 8
                let words = CounterRandom.words(seed: seed, purpose: purpose, channel: channel, a, b, c)
                let key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)]
                let plain = plainPhilox([a, b, c, purpose.rawValue + channel * 256], key: key)
                #expect(words.array == plain, "seed \(seed), channel \(channel), counter \(a), \(b), \(c)")
            }
        }
    }

    @Test("the purposes keep their numbers, on which existing runs depend")
    func purposes() {
        let numbers = CounterRandom.Purpose.allCases.map { "\($0) \($0.rawValue)" }
        #expect(
            numbers == [
                "initialWeights 1", "dropout 2", "shuffle 3", "trainingSequence 4", "validationSequence 5",
                "sampling 6", "benchmark 7", "chronoBias 8",
            ])
    }

    @Test("the words of dropout equal those of an independent implementation")
    func dropoutWords() throws {
        let fixture = try PhiloxFixture.load()
        #expect(fixture.dropout_words.count >= 6)
        for known in fixture.dropout_words {
            let words = CounterRandom.words(
                seed: known.seed, purpose: .dropout, channel: known.place, known.time, known.stream, known.unit / 4)
            #expect(words.array == known.words)
        }
    }

    @Test("dropout keeps the units that an independent implementation keeps")
    func dropoutMasks() throws {
        let fixture = try PhiloxFixture.load()
        #expect(fixture.dropout_masks.count >= 9)
        for known in fixture.dropout_masks {
            let kept = (0..<known.width).map { unit in
                let words = CounterRandom.words(
                    seed: known.seed, purpose: .dropout, channel: known.place, known.time, known.stream,
                    UInt32(unit / 4))
                return CounterRandom.unit(words[unit % 4]) >= known.rate ? 1 : 0
            }
            #expect(kept == known.kept)
        }
    }

    @Test("a generator gives the words of its counter in order")
    func wordsInOrder() {
        var random = CounterRandom(seed: 99, purpose: .shuffle, epoch: 5, index: 7)
        let drawn = (0..<12).map { _ in random.nextWord() }
        // Counter: (block, index, epoch, purpose).
        let expected = (0..<3).flatMap { block in
            CounterRandom.words(seed: 99, purpose: .shuffle, UInt32(block), 7, 5).array
        }
        #expect(drawn == expected)
    }

    @Test("64 bits are two words, the low one first")
    func doubleWords() {
        var words = CounterRandom(seed: 3, purpose: .sampling)
        var random = words
        let (low, high) = (words.nextWord(), words.nextWord())
        #expect(random.next() == UInt64(low) | UInt64(high) << 32)
    }

    @Test("different seeds, purposes, epochs and indices give different numbers")
    func independence() {
        var starts: Set<UInt64> = []
        var drawn = 0
        for seed: UInt64 in [0, 1, 1 << 32] {
            for purpose in CounterRandom.Purpose.allCases {
                for (epoch, index) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    var random = CounterRandom(seed: seed, purpose: purpose, epoch: epoch, index: index)
                    starts.insert(random.next())
                    drawn += 1
                }
            }
        }
        #expect(starts.count == drawn)
    }

    @Test("a word becomes a multiple of 2^-24 in [0, 1)")
    func units() {
        #expect(CounterRandom.unit(0) == 0)
        #expect(CounterRandom.unit(255) == 0)
        #expect(CounterRandom.unit(256) == 0x1p-24)
        #expect(CounterRandom.unit(0x8000_0000) == 0.5)
        #expect(CounterRandom.unit(.max) == 1 - 0x1p-24)
    }

    @Test("uniform numbers are in their range and evenly distributed")
    func uniform() {
        var random = CounterRandom(seed: 4, purpose: .benchmark)
        var tenths = [Int](repeating: 0, count: 10)
        for _ in 0..<100_000 {
            let x = random.uniform(-2, 3)
            #expect(x >= -2 && x < 3)
            tenths[Int((x + 2) * 2)] += 1
        }
        // 10,000 expected in each, standard deviation 95; the seed is fixed, so the test is deterministic.
        #expect(tenths.allSatisfy { abs($0 - 10_000) < 400 })
    }

    @Test("all numbers below a bound occur, evenly, and the bound does not", arguments: [1, 2, 3, 7, 10])
    func below(bound: Int) {
        var random = CounterRandom(seed: 5, purpose: .benchmark, index: bound)
        var counts = [Int](repeating: 0, count: bound)
        for _ in 0..<10_000 * bound {
            let number = random.below(bound)
            guard counts.indices.contains(number) else {
                Issue.record("\(number) is not below \(bound)")
                return
            }
            counts[number] += 1
        }
        #expect(counts.allSatisfy { abs($0 - 10_000) < 400 })
    }

    @Test("a copy draws the same numbers again")
    func copies() {
        var random = CounterRandom(seed: 6, purpose: .shuffle)
        _ = random.nextWord()
        var copy = random
        #expect((0..<9).map { _ in random.nextWord() } == (0..<9).map { _ in copy.nextWord() })
    }
}
