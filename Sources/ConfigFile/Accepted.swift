// What a kind accepts, in the words of messages, of `config show` and of the documentation.

extension ConfigKey.Kind {
    /// The words that follow "accepted:".
    package var accepted: String {
        switch self {
        case .integer(let range): Self.words(range)
        case .number(let range): Self.words(range)
        case .boolean: "true or false"
        case .choice(let words): alternatives(words)
        case .text: "a text"
        case .texts: "a text or a list of texts"
        case .numbers(let count, let range):
            "a list of \(count) numbers" + (range == .any ? "" : ", each \(range.words)")
        case .wordOrNumber(let words, let range): alternatives(words + [Self.words(range)])
        case .wordOrInteger(let words, let range): alternatives(words + [Self.words(range)])
        }
    }

    /// The words among which a misspelt value is looked for.
    var words: [String] {
        switch self {
        case .choice(let words), .wordOrNumber(let words, _), .wordOrInteger(let words, _): words
        case .integer, .number, .boolean, .text, .texts, .numbers: []
        }
    }

    private static func words(_ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (.min, .max): "an integer"
        case (.min, let high): "an integer of at most \(high)"
        case (let low, .max): "an integer of at least \(low)"
        case (let low, let high): "an integer from \(low) to \(high)"
        }
    }

    private static func words(_ range: NumberRange) -> String {
        range == .any ? "a finite number" : "a number \(range.words)"
    }
}
