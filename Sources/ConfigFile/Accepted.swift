// Descriptions of accepted values for messages, `config show` and the documentation.

extension ConfigKey.Kind {
    /// The description that follows "accepted:".
    package var accepted: String {
        switch self {
        case .integer(let range): Self.description(range)
        case .number(let range): Self.description(range)
        case .boolean: "true or false"
        case .choice(let words): alternatives(words)
        case .text: "a text"
        case .texts: "a text or a list of texts"
        case .numbers(let count, let range):
            "a list of \(count) numbers" + (range == .any ? "" : ", each \(range.description)")
        case .wordOrNumber(let words, let range): alternatives(words + [Self.description(range)])
        case .wordOrInteger(let words, let range): alternatives(words + [Self.description(range)])
        }
    }

    /// The accepted words, which are suggested for a misspelt value.
    var choices: [String] {
        switch self {
        case .choice(let words), .wordOrNumber(let words, _), .wordOrInteger(let words, _): words
        case .integer, .number, .boolean, .text, .texts, .numbers: []
        }
    }

    private static func description(_ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (.min, .max): "an integer"
        case (.min, let high): "an integer of at most \(high)"
        case (let low, .max): "an integer of at least \(low)"
        case (let low, let high): "an integer from \(low) to \(high)"
        }
    }

    private static func description(_ range: NumberRange) -> String {
        range == .any ? "a finite number" : "a number \(range.description)"
    }
}
