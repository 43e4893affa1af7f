/// A configuration: every key that applies, with its value and the value's origin.
///
/// Two configurations are equal if the same keys have the same values; origins are not compared.
package struct Configuration: Sendable, Equatable {
    /// The origin of a value.
    package enum Origin: Sendable, Equatable {
        case `default`
        case file(name: String, line: Int)
        case set
    }

    /// The keys that this configuration was checked against.
    package let table: ConfigTable
    let values: [String: Resolution.Resolved]

    /// Reads a YAML text and overrides, each `key.path=value` as given to --set, which take precedence over the text.
    ///
    /// `file` is the text's name in messages. Throws the first error: of the text, then of the overrides, then of their
    /// combination.
    package init(yaml: String, file: String, overrides: [String] = [], table: ConfigTable) throws(ConfigError) {
        var given = GivenValues(table: table)
        try given.add(file: file, yaml: yaml)
        try given.add(overrides: overrides)
        self.table = table
        values = try Resolution(given, table: table, file: file).values
    }

    package static func == (left: Configuration, right: Configuration) -> Bool {
        left.values.mapValues(\.value) == right.values.mapValues(\.value)
    }

    /// The key's value; nil if it is not given and has no default, is replaced by an alternative, or doesn't apply.
    package func value(_ path: String) -> ConfigValue? {
        values[path]?.value
    }

    /// Whether the key has a value, given or default.
    package func has(_ path: String) -> Bool {
        values[path] != nil
    }

    // The accessors below are for keys that have a value of that type; anything else is a programming error and traps.

    /// The value of an integer key.
    package func integer(_ path: String) -> Int {
        guard case .integer(let integer)? = value(path) else { wrongAccess(path, "an integer") }
        return integer
    }

    /// The value of a number or integer key.
    package func number(_ path: String) -> Double {
        switch value(path) {
        case .number(let number)?: return number
        case .integer(let integer)?: return Double(integer)
        default: wrongAccess(path, "a number")
        }
    }

    /// The value of a boolean key.
    package func boolean(_ path: String) -> Bool {
        guard case .boolean(let boolean)? = value(path) else { wrongAccess(path, "a boolean") }
        return boolean
    }

    /// The value of a text or a choice, or the word of a key that accepts words.
    package func text(_ path: String) -> String {
        guard case .text(let text)? = value(path) else { wrongAccess(path, "a text") }
        return text
    }

    /// The texts of a `texts` key, at least one.
    package func texts(_ path: String) -> [String] {
        guard case .list(let items)? = value(path) else { wrongAccess(path, "texts") }
        return items.map { item in
            guard case .text(let text) = item else { wrongAccess(path, "texts") }
            return text
        }
    }

    /// The numbers of a `numbers` key.
    package func numbers(_ path: String) -> [Double] {
        guard case .list(let items)? = value(path) else { wrongAccess(path, "numbers") }
        return items.map { item in
            guard case .number(let number) = item else { wrongAccess(path, "numbers") }
            return number
        }
    }

    private func wrongAccess(_ path: String, _ expected: String) -> Never {
        let found =
            table.key[path] == nil ? "is not a key of the table" : "is \(value(path)?.plainText ?? "without value")"
        preconditionFailure("the program reads \(path) as \(expected), but it \(found)")
    }

    /// The origin of the key's value; `default` also for a key without a value.
    package func origin(_ path: String) -> Origin {
        switch values[path]?.source {
        case .file(let name, let line)?: .file(name: name, line: line)
        case .set?: .set
        case nil: .default
        }
    }

    /// The key and its value's origin, as the beginning of a message about the value:
    /// `configs/x.yaml, line 7: data.train`, `--set data.train`, `data.train (default)`, `data.train (not given)`.
    package func place(_ path: String) -> String {
        switch values[path]?.source {
        case .file(let name, let line)?: "\(name), line \(line): \(path)"
        case .set?: "--set \(path)"
        case nil: has(path) ? "\(path) (default)" : "\(path) (not given)"
        }
    }

    /// The keys whose values differ, in the table's order, with both values as YAML; `not given` if a key has no value.
    package func differences(from old: Configuration) -> [(path: String, old: String, new: String)] {
        let paths = table.keys.map(\.path) + old.table.keys.map(\.path).filter { table.key[$0] == nil }
        return paths.compactMap { path in
            let (before, now) = (old.value(path), value(path))
            guard before != now else { return nil }
            return (path, before?.yamlText ?? "not given", now?.yamlText ?? "not given")
        }
    }
}
