/// Texts, valid and mutated.
enum TextMutations {
    static func mutated(_ random: inout FuzzRandom) -> [UInt8] {
        var text: [UInt8] = []
        let ending = random.pick(["\n", "\n", "\n", "\r\n", "\r", "\u{2028}", "\u{85}"])
        for _ in 0..<random.below(60) {
            text += Array(random.pick(words).utf8)
            text += Array((random.once(in: 8) ? ending : random.pick(spaces)).utf8)
        }
        if random.once(in: 50) { text += Array(repeatElement(0x61, count: 1 << (10 + random.below(11)))) }
        if random.once(in: 2000) { text += Array(repeatElement(0x62, count: (1 << 20) + random.below(3))) }
        if random.once(in: 3) {
            for _ in 0...random.below(3) { bytes.mutate(&text, &random) }
        }
        if random.once(in: 6) {
            // Whole pages, so that reading beyond the end of the mapped file crashes.
            let page = 4096
            text = Array(repeatElement(0x61, count: (page - text.count % page) % page)) + text
        }
        return text
    }

    private static let words = [
        "the", "a", "of", "river", "stone", "<unk>", "<eos>", "<pad>", "sing", "sings", "é", "e\u{301}", "naïve", "日本語",
        "🌊",
        "👩‍👩‍👧", "\u{0}", "\u{1}", "\u{7F}", "\u{FEFF}", "\u{FFFD}", "\u{10FFFF}", "ﬁ", "İ", "ß", "-", "\"", "eightlet",
        "nineletter", "a\u{200B}b",
    ]
    private static let spaces = [
        " ", " ", " ", "  ", "\t", "\u{A0}", "\u{3000}", "\u{2009}", "\u{1680}", "\u{B}", "\u{C}", "",
    ]
    private static let bytes = ByteMutator(words: [
        "\n", "\n\n", "\r\n", " ", "\0", "<unk>", "<eos>", "the ", "\u{3000}", "\u{10FFFF}", "é", "\u{FEFF}",
    ])
}
