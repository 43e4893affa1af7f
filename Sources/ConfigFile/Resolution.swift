/// The final value of each key: given, default, or none.
struct Resolution {
    struct Resolved: Sendable {
        let value: ConfigValue
        /// nil for a default.
        let source: Source?
    }

    private let table: ConfigTable
    private var given: [String: Resolved] = [:]
    private(set) var values: [String: Resolved] = [:]

    /// Merges the given values with the defaults, and checks that all given keys apply and no required key is missing.
    /// `file` is the name in messages about missing keys.
    init(_ values: GivenValues, table: ConfigTable, file: String) throws(ConfigError) {
        self.table = table
        for value in values.inFile {
            given[value.path] = Resolved(value: value.value, source: value.source)
        }
        for value in values.bySet {
            for sibling in table.siblings(of: value.path) { given[sibling] = nil }
        }
        for value in values.bySet {
            given[value.path] = Resolved(value: value.value, source: value.source)
        }
        for value in values.inFile + values.bySet where given[value.path]?.source == value.source {
            try checkApplies(value)
        }
        for key in table.keys {
            self.values[key.path] = resolved(key)
            if key.isRequired, self.values[key.path] == nil, applies(key), !isReplaced(key.path) {
                throw missing(key, file)
            }
        }
    }

    private func checkApplies(_ value: GivenValues.Given) throws(ConfigError) {
        guard let key = table.key[value.path], let condition = key.when, !applies(key) else { return }
        let other = table.key[condition.path].flatMap { resolved($0) }
        let found: String
        switch (other, other?.source) {
        case (let other?, nil): found = "\(condition.path) is \(other.value.plainText) (default)"
        case (let other?, let source?):
            found = "\(condition.path) is \(other.value.plainText) (\(source.location(relativeTo: value.source)))"
        case (nil, _): found = "\(condition.path) has no value"
        }
        throw value.source.error(
            "\(key.path) does not apply while \(found); accepted: only while \(condition.description)")
    }

    private func missing(_ key: ConfigKey, _ file: String) -> ConfigError {
        var reason = ""
        if let condition = key.when, let other = table.key[condition.path].flatMap({ resolved($0) }) {
            reason = ", required while \(condition.path) is \(other.value.plainText)"
        }
        let choices = [key.path] + table.siblings(of: key.path)
        let accepted =
            choices.count == 1 ? key.kind.accepted : "one of \(alternatives(choices)), the first \(key.kind.accepted)"
        return ConfigError("\(file): \(key.path) is missing\(reason); accepted: \(accepted)")
    }

    /// The key's value: the given one, else its default if it applies and no alternative replaces it.
    private func resolved(_ key: ConfigKey) -> Resolved? {
        if let value = given[key.path] { return value }
        guard applies(key), let value = defaultValue(of: key), !isReplaced(key.path) else { return nil }
        return Resolved(value: value, source: nil)
    }

    private func applies(_ key: ConfigKey) -> Bool {
        key.when.map(holds) ?? true
    }

    private func holds(_ condition: Condition) -> Bool {
        guard let other = table.key[condition.path], applies(other) else { return false }
        return condition.holds(for: resolved(other)?.value)
    }

    private func defaultValue(of key: ConfigKey) -> ConfigValue? {
        key.defaultWhen.first { holds($0.condition) }?.value ?? key.default
    }

    /// Whether an alternative replaces the key: a given one, or an earlier one with a default.
    private func isReplaced(_ path: String) -> Bool {
        table.exclusive.contains { group in
            guard let index = group.firstIndex(of: path) else { return false }
            return group.contains { $0 != path && given[$0] != nil }
                || group[..<index].contains { earlier in
                    table.key[earlier].map { applies($0) && defaultValue(of: $0) != nil } ?? false
                }
        }
    }
}
