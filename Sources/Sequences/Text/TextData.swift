import ConfigFile

/// The keys of tasks that read text.
enum TextData {
    static let keys = [
        ConfigKey(
            "data.train", .texts, isRequired: true, onResume: .sameContents,
            "Training text: a file, a list of files or a glob."),
        ConfigKey("data.validation", .texts, onResume: .mayChange, "Validation text."),
        ConfigKey(
            "data.validation_fraction", .number(.from(0, below: 1)),
            "Fraction of the training text's tokens, at its end, used for validation."),
        ConfigKey("data.test", .texts, onResume: .mayChange, "Test text, scored once when training has ended."),
        ConfigKey(
            "data.source", .text, onResume: .mayChange, "How to get the text; printed if one of its files is missing."),
        ConfigKey(
            "data.tokenizer", .choice(TokenizerKind.allCases.map(\.rawValue)), default: .text("character"),
            "Kind of tokens."),
        ConfigKey(
            "data.vocabulary", .wordOrInteger(["all"], 2...100_000_000), default: .integer(10000),
            when: Condition(path: "data.tokenizer", isOneOf: [TokenizerKind.word.rawValue]),
            "Size of the vocabulary, including <eos> and <unk>; other words are <unk>."),
        ConfigKey(
            "training.window", .integer(1...1_000_000), default: .integer(50),
            "Time steps of truncated backpropagation through time; the state is carried from window to window."),
    ]
    static let exclusiveKeys = [["data.validation", "data.validation_fraction"]]
}
