/// A key of the configuration: its path, accepted values, default, condition, and one sentence on its meaning.
///
/// A module declares the keys of its behaviour next to its code, one line per key; messages, `--help`, `config show`
/// and the table in the documentation are all generated from these lines.
package struct ConfigKey: Sendable {
    /// The values that a key accepts.
    ///
    /// Only the kind determines how a scalar is read: `no` is false for a boolean and the text "no" for a choice.
    package enum Kind: Sendable {
        /// A whole number in decimal digits; also `1e3` or `1000.0`, if exactly whole and below 2^53. Not `1_000`,
        /// `0x10`, `010` or a quoted "12".
        case integer(ClosedRange<Int>)
        /// A finite decimal number: `3`, `0.5`, `.5`, `1e-3`.
        case number(NumberRange)
        /// `true` or `false`, also YAML 1.1's `yes`, `no`, `on` and `off`; stored and written as true or false.
        case boolean
        /// One of these words, quoted or not; case-sensitive.
        case choice([String])
        /// Any text except the empty one; an unquoted 123 is the text "123".
        case text
        /// A text or a list of at least one text; stored as a list.
        case texts
        /// A list of exactly `count` numbers.
        case numbers(count: Int, NumberRange)
        /// One of these words (stored as a text), or a number.
        case wordOrNumber([String], NumberRange)
        /// One of these words (stored as a text), or an integer.
        case wordOrInteger([String], ClosedRange<Int>)
    }

    /// What a resumed run may do with the key's value.
    package enum OnResume: String, Sendable {
        /// It must not change.
        case fixed
        /// It may change; the change is reported.
        case mayChange = "may change"
        /// It names files that may move but not change: they are compared by size and checksum.
        case sameContents = "same contents"
    }

    /// The key's full name: `training.optimizer.name`.
    package let path: String
    package let kind: Kind
    /// The value if none is given and no condition of `defaultWhen` holds.
    package let `default`: ConfigValue?
    /// Defaults that replace `default` while their condition holds; the first one whose condition holds is used.
    package let defaultWhen: [(condition: Condition, value: ConfigValue)]
    /// The key applies only while this holds; nil means always.
    package let when: Condition?
    /// Whether the key must be given if it applies. An exclusive sibling may be given instead.
    package let isRequired: Bool
    package let onResume: OnResume
    /// One sentence, without a line break.
    package let meaning: String

    /// A key. A default that the kind doesn't accept is a programming error and traps.
    package init(
        _ path: String, _ kind: Kind, default: ConfigValue? = nil,
        defaultWhen: [(condition: Condition, value: ConfigValue)] = [], when: Condition? = nil,
        isRequired: Bool = false, onResume: OnResume = .fixed, _ meaning: String
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
        self.onResume = onResume
        self.meaning = meaning
    }
}

extension ConfigKey {
    /// The same key under another condition.
    package func when(_ condition: Condition) -> ConfigKey {
        ConfigKey(
            path, kind, default: self.default, defaultWhen: defaultWhen, when: condition, isRequired: isRequired,
            onResume: onResume, meaning)
    }
}

/// A property of a configuration that a key depends on and that another module defines, such as "the input is tokens":
/// the key's module need not know which values of other keys have the property. `ConfigTable` replaces it by a
/// condition.
package struct Trait: Hashable, Sendable {
    package let name: String

    package init(_ name: String) { self.name = name }
}

/// A condition on another key's value.
package struct Condition: Sendable, Equatable {
    /// The other key.
    package let path: String
    /// The values for which the condition holds, as written in YAML.
    package let values: [String]
    /// The trait that the condition represents until a table replaces it.
    let trait: Trait?

    /// The condition that the key at `path` has one of `values`.
    package init(path: String, isOneOf values: [String]) {
        self.path = path
        self.values = values
        trait = nil
    }

    /// The condition that the configuration has a trait; the table defines it.
    package init(_ trait: Trait) {
        path = ""
        values = []
        self.trait = trait
    }

    /// Whether the condition holds for the other key's value; false if it has none.
    func holds(for value: ConfigValue?) -> Bool {
        guard let value else { return false }
        return values.contains(value.plainText)
    }

    /// `training.optimizer.name is adam or adamw`
    var description: String {
        "\(path) is \(alternatives(values))"
    }
}

/// `a`, `a or b`, `a, b or c`.
func alternatives(_ words: [String]) -> String {
    guard let last = words.last else { return "" }
    return words.count == 1 ? last : words.dropLast().joined(separator: ", ") + " or " + last
}
