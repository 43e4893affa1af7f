package import ConfigFile

/// The keys of all data that is divided into tokens.
package enum TokenData {
    package static let keys = [
        ConfigKey(
            "data.tokenizer", .choice(TokenizerKind.allCases.map(\.rawValue)), default: .text("character"),
            defaultWhen: [(DataKind.sequences.condition, .text("word"))], when: condition, "Kind of tokens."),
        ConfigKey(
            "data.vocabulary", .wordOrInteger(["all"], 2...100_000_000), default: .integer(10000),
            when: Condition(path: "data.tokenizer", isOneOf: [TokenizerKind.word.rawValue]),
            "Size of the vocabulary, including <eos> and <unk>; other words are <unk>."),
    ]

    /// The condition that the configuration's task may read tokens.
    package static let condition = TaskTable.condition { $0.mayReadTokens }

    /// The kind of tokens, and of words the size of the vocabulary; nil: all words.
    static func choice(_ configuration: Configuration) -> (kind: TokenizerKind, size: Int?) {
        var size: Int?
        if case .integer(let given)? = configuration.value("data.vocabulary") { size = given }
        return (TokenizerKind(rawValue: configuration.text("data.tokenizer")) ?? .character, size)
    }
}
