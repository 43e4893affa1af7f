import ConfigFile
import TestSupport
import Testing

extension SeededRandom {
    /// A finite number with a random exponent.
    mutating func finiteDouble() -> Double {
        while true {
            let number = Double(bitPattern: next())
            if number.isFinite { return number }
        }
    }
}

@Suite("Any text")
struct FuzzTests {
    static let document = """
        # A valid configuration.
        task: language-model
        data:
          train: [a.txt, "b.txt", 'c.txt']
          validation: valid.txt
          prompt: "once \\"upon\\" a time"
        model: {cell: lstm, hidden: 128, dropout: 0.5, init: {scale: auto, forget_bias: {chrono: 110}}}
        training:
          batch: 50
          steps: 2000
          optimizer:
            name: adamw
            learning_rate: 2e-3
            betas:
              - 0.9
              - 0.999
        vocabulary: all

        """

    @Test("a mutated text gives a configuration that reads back equal, or one message on one line", arguments: 1...8)
    func mutations(seed: UInt64) throws {
        var random = SeededRandom(seed)
        var readable = 0
        var refused = 0
        let clock = ContinuousClock()
        let start = clock.now
        for _ in 0..<600 {
            var text = Array(Self.document.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&text, &random) }
            let yaml = String(decoding: text, as: UTF8.self)
            do {
                let configuration = try Configuration(yaml: yaml, file: "a.yaml", table: sampleTable)
                let again = try Configuration(yaml: configuration.yaml, file: "again", table: sampleTable)
                #expect(again == configuration, "seed \(seed): \(yaml)")
                _ = configuration.annotatedYAML
                readable += 1
            } catch {
                #expect(error.description.hasPrefix("a.yaml"), "seed \(seed): \(error)")
                #expect(!error.description.contains { $0.isNewline }, "seed \(seed): \(error)")
                #expect(error.description.utf8.count < 1000, "seed \(seed): \(error)")
                refused += 1
            }
        }
        #expect(readable > 20 && refused > 200, "seed \(seed): \(readable) and \(refused)")
        // 600 texts of 500 bytes take well under a second alone; the bound detects endless loops.
        #expect(clock.now - start < .seconds(60))
    }

    @Test("a mutated override gives a configuration or one message", arguments: 1...4)
    func overrides(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let starts = [
            "training.optimizer={name: adamw, betas: [0.9, 0.99]}", "data.validation=[a.txt, 'b.txt']",
            "model.hidden=3",
            "data.prompt=\"a\\tb\"", "model.init.forget_bias.chrono=7",
        ]
        for _ in 0..<600 {
            var text = Array(starts[Int.random(in: starts.indices, using: &random)].utf8)
            for _ in 0..<Int.random(in: 0...3, using: &random) { mutate(&text, &random) }
            let override = String(decoding: text, as: UTF8.self)
            do {
                let configuration = try Configuration(
                    yaml: "task: reber", file: "a.yaml", overrides: [override], table: sampleTable)
                let again = try Configuration(yaml: configuration.yaml, file: "again", table: sampleTable)
                #expect(again == configuration, "seed \(seed): \(override)")
            } catch {
                #expect(error.description.hasPrefix("--set "), "seed \(seed): \(error)")
                #expect(!error.description.contains { $0.isNewline }, "seed \(seed): \(error)")
            }
        }
    }

    @Test("large texts that are slow to parse end in bounded time")
    func slow() {
        let large = 200_000
        let texts = [
            String(repeating: "[", count: large), String(repeating: "{a: ", count: large / 4),
            String(repeating: "- ", count: large / 2), String(repeating: "? ", count: large / 2),
            String(repeating: "a: b\n", count: large / 5), String(repeating: "a,", count: large),
            "task: [" + String(repeating: "a,", count: large) + "]", String(repeating: "&a ", count: large / 3),
            "task: \"" + String(repeating: "\\n", count: large), String(repeating: "\n", count: large),
            String(repeating: "a", count: large) + ": 1", (0..<large / 10).map { "k\($0): 1\n" }.joined(),
        ]
        let clock = ContinuousClock()
        for text in texts {
            let start = clock.now
            #expect(message(text) != "accepted")
            #expect(clock.now - start < .seconds(20), "\(text.prefix(20))")
        }
    }

    private func mutate(_ text: inout [UInt8], _ random: inout SeededRandom) {
        let special = Array("[]{}:,#&*!|>'\"%@`-? \n\t\r~=.0129aeno_\u{0}\u{FEFF}é".utf8)
        let start = Int.random(in: 0...text.count, using: &random)
        let length = min(text.count - start, Int.random(in: 0...12, using: &random))
        switch Int.random(in: 0..<7, using: &random) {
        case 0: text.removeSubrange(start..<start + min(1, length))
        case 1: text.insert(special.randomElement(using: &random) ?? 0, at: start)
        case 2: text.insert(UInt8.random(in: 0...255, using: &random), at: start)
        case 3: text.removeSubrange(start..<start + length)
        case 4:
            text.insert(contentsOf: text[start..<start + length], at: Int.random(in: 0...text.count, using: &random))
        case 5 where start < text.count: text[start] = special.randomElement(using: &random) ?? 0
        default: text.removeSubrange(start...)
        }
    }
}
