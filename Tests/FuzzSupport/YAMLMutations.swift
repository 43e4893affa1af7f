/// Configurations, valid and mutated.
enum YAMLMutations {
    static let samples = [
        """
        task: language-model
        data:
          train: [a.txt, "b.txt", 'c.txt']
          validation: valid.txt
          tokenizer: word
          vocabulary: all
        model: {cell: lstm, layers: 2, hidden: 128, embedding: 64, dropout: 0.5, init: {scale: auto, forget_bias: 1}}
        training:
          batch: 50
          window: 35
          steps: 2000
          optimizer:
            name: adamw
            learning_rate: 2e-3
            betas:
              - 0.9
              - 0.999
          schedule: {name: exponential, factor: 0.5, after_epochs: 4}
        validation: {every_steps: 100, patience: 3, ranks: root}
        communication: {reduction: reproducible, averaging: auto}

        """,
        """
        # Generated sequences.
        task: adding
        model:
          hidden: 32
          init: {forget_bias: {chrono: 110}}
        training: {batch: 4, epochs: 10, clip_norm: 1.0, optimizer: {name: adam, learning_rate: 0.005}, seed: 3}
        checkpoint: {every_minutes: 5, keep: 2}
        logging: {every_steps: 1}

        """,
        "task: reber\r\nmodel: {hidden: 8}\r\n",
    ]

    static func mutated(_ random: inout FuzzRandom) -> [UInt8] {
        var lines = random.pick(samples).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for _ in 0..<random.below(4) { mutate(&lines, &random) }
        var text = Array(lines.joined(separator: random.once(in: 20) ? "\r\n" : "\n").utf8)
        if random.once(in: 2) {
            for _ in 0...random.below(3) { bytes.mutate(&text, &random) }
        }
        if random.once(in: 400) { text += Array(repeatElement(0x20, count: 1 << 20)) }
        return text
    }

    private static let bytes = ByteMutator(words: [
        "[", "]", "{", "}", ": ", ",", "- ", "? ", "|", ">", "&a ", "*a", "!!int ", "!", "%YAML 1.1\n", "---\n",
        "...\n", "#",
        "\"", "'", "\\", "\\x41", "\\U0010FFFF", "\\uD800", "\t", "\n", "\r", "\n  ", "~", "null", ".nan", "0x10",
        "<<: ", "@",
        "`", "\u{FEFF}", "\u{2028}", "\u{85}", "model:\n", "training.batch: 3\n",
    ])

    private static let values = [
        "0", "-0", "-1", "007", "1e999", "-.inf", ".nan", "9223372036854775807", "9223372036854775808", "1_000", "0x10",
        "1e400", "99999999999999999999999999", "~", "\"\"", "''", "\"\\0\"", "[]", "{}", "[[]]", "[a, [b]]",
        "{a: {b: c}}",
        "&a x", "*a", "!!str 3", "|\n    text\n", ">-\n    text", "yes", "\"a\nb\"", "'it''s'", "? a", "- a", "@x",
        "a: b",
        "a #b", "[a, b", "{a: b", "\"a", "\t3", "3\t", "<<", "..", "auto", "all",
    ]
    private static let lines = [
        "task: adding", "model: {hidden: 3}", "  hidden: 3", "\thidden: 3", "x: &x [a, a]", "y: *x", "<<: {a: b}",
        "---", "...",
        "%TAG ! tag:x,2000:", "? [a, b]", ": c", "- a", "\u{FEFF}task: reber", "model.hidden: 3", "task:", "null: 3",
        "[]: 3",
        "{a: b}: 3", "\"task\": reber", "'task' : reber", "", "# \u{1}", "training: {schedule: {name: step}}",
    ]

    private static func mutate(_ lines: inout [String], _ random: inout FuzzRandom) {
        let index = random.below(lines.count)
        let line = lines[index]
        switch random.below(9) {
        case 0, 1:
            if let colon = line.firstIndex(of: ":") { lines[index] = line[...colon] + " " + random.pick(values) }
        case 2: lines.insert(random.pick(Self.lines), at: index)
        case 3: lines.insert(line, at: random.below(lines.count + 1))
        case 4: if lines.count > 1 { lines.remove(at: index) }
        case 5: lines[index] = String(repeating: " ", count: random.below(9)) + line.drop { $0 == " " }
        case 6: lines.insert(contentsOf: aliases(), at: index)
        case 7: lines[index] = line + " " + large(&random)
        default: lines[index] = line + random.pick(values)
        }
    }

    /// Values that double in size from line to line for a reader that expands aliases: a billion laughs.
    private static func aliases() -> [String] {
        ["a0: &a0 [x, x]"] + (1...30).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]" }
    }

    private static func large(_ random: inout FuzzRandom) -> String {
        let pieces = ["[", "{a: ", "- ", "? ", "a", "\"\\n", "[a,", "!", "&a ", "\u{E9}", "a: b\n", "'", "|\n ", ">\n"]
        return String(repeating: random.pick(pieces), count: 1 << random.below(random.once(in: 10) ? 16 : 11))
    }
}
