/// A key of the configuration: its path, what it accepts, its default, when it applies, and one sentence on its meaning.
///
/// The owner of a behaviour declares its keys beside its code, one line a key; messages, `--help`, `config show` and the
/// table in the documentation all come from these lines.
package struct ConfigKey: Sendable {
    /// What a key accepts.
    ///
    /// Only the kind decides how a word is read: `no` is false for a boolean and stays a word for a choice.
    package enum Kind: Sendable {
        /// A whole number in decimal digits; also `1e3` or `1000.0`, if exactly whole and below 2^53. Neither `1_000` nor
        /// `0x10` nor `010`, nor a quoted "12".
        case integer(ClosedRange<Int>)
        /// A finite decimal number: `3`, `0.5`, `.5`, `1e-3`.
        case number(NumberRange)
        /// `true` or `false`, also YAML 1.1's `yes`, `no`, `on` and `off`; stored and written as true or false.
        case boolean
        /// One of these words, quoted or not, in this case of letters.
        case choice([String])
        /// Any text but the empty one; an unquoted 123 is the text "123".
        case text
        /// A text or a list of at least one; stored as a list.
        case texts
        /// A list of exactly this many numbers.
        case numbers(count: Int, NumberRange)
        /// One of these words (stored as a text), or a number.
        case wordOrNumber([String], NumberRange)
        /// One of these words (stored as a text), or an integer.
        case wordOrInteger([String], ClosedRange<Int>)
    }

    /// The key's full name: `training.optimizer.name`.
    package let path: String
    package let kind: Kind
    /// The value when none is given and no condition of `defaultWhen` holds.
    package let `default`: ConfigValue?
    /// Defaults that replace `default` while their condition holds; the first that holds counts.
    package let defaultWhen: [(condition: Condition, value: ConfigValue)]
    /// The key applies only while this holds; nil: always.
    package let when: Condition?
    /// Whether the key must be given where it applies. Giving an exclusive sibling instead is enough.
    package let isRequired: Bool
    /// One sentence, without a line break.
    package let meaning: String

    /// A key. A default that the kind doesn't accept is a programmer's error and traps.
    package init(
        _ path: String, _ kind: Kind, default: ConfigValue? = nil,
        defaultWhen: [(condition: Condition, value: ConfigValue)] = [], when: Condition? = nil,
        isRequired: Bool = false, _ meaning: String
    ) {
        func accepted(_ value: ConfigValue) -> ConfigValue {
            guard let value = kind.normalised(value) else {
                preconditionFailure("\(path): the default \(value) is not accepted by the key's own kind")
            }
            return value
        }
        precondition(!meaning.contains { $0.isNewline }, "\(path): the meaning has a line break")
        precondition(!isRequired || `default` == nil, "\(path): a required key has no default")
        self.path = path
        self.kind = kind
        self.default = `default`.map(accepted)
        self.defaultWhen = defaultWhen.map { ($0.condition, accepted($0.value)) }
        self.when = when
        self.isRequired = isRequired
        self.meaning = meaning
    }
}

/// That another key has one of some values.
package struct Condition: Sendable, Equatable {
    /// The other key.
    package let path: String
    /// Its values, as they are written in YAML.
    package let values: [String]

    /// The condition that the key at `path` has a value, and one of these.
    package init(path: String, isOneOf values: [String]) {
        self.path = path
        self.values = values
    }

    /// Whether the condition holds for the other key's value; never for an absent one.
    func holds(for value: ConfigValue?) -> Bool {
        guard let value else { return false }
        return values.contains(value.plainText)
    }

    /// The condition in words: `training.optimizer.name is adam or adamw`.
    var words: String {
        "\(path) is \(alternatives(values))"
    }
}

/// `a`, `a or b`, `a, b or c`.
func alternatives(_ words: [String]) -> String {
    guard let last = words.last else { return "" }
    return words.count == 1 ? last : words.dropLast().joined(separator: ", ") + " or " + last
}
