import FileFormats

/// JSON files, valid and mutated.
enum JSONMutations {
    private static let bytes = ByteMutator(words: [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "1", "-1", "1e9", "\n", " ",
        "/", "..",
    ])

    /// One value, sometimes unchanged.
    static func mutated(_ sample: JSONValue, _ random: inout FuzzRandom) -> [UInt8] {
        var tree = JSONTree(sample)
        for _ in 0..<random.below(4) { tree.mutate(&random) }
        var text = tree.text(&random)
        if random.once(in: 20) { text = random.pick(ByteMutator.badUTF8 + [[0xFF, 0xFE], [0, 0, 0]]) + text }
        if random.once(in: 4) {
            for _ in 0...random.below(3) { bytes.mutate(&text, &random) }
        }
        return text
    }

    /// One value per line.
    static func mutatedLines(_ samples: [JSONValue], _ random: inout FuzzRandom) -> [UInt8] {
        var text: [UInt8] = []
        for sample in samples {
            if random.once(in: 3) {
                text += mutated(sample, &random)
            } else {
                text += Array(sample.text.utf8)
            }
            if !random.once(in: 20) { text += Array((random.once(in: 20) ? "\r\n" : "\n").utf8) }
        }
        if random.once(in: 1000) { text += Array(repeatElement(0x20, count: (1 << 20) + random.below(1 << 17))) }
        return text
    }
}
