/// All keys of a configuration, in the order in which they are shown.
package struct ConfigTable: Sendable {
    package let keys: [ConfigKey]
    /// Groups of alternatives: one given replaces the others and their defaults; two from one source are refused; one
    /// given by --set replaces the file's. With none given, the first listed that applies and has a default counts.
    package let exclusive: [[String]]
    let key: [String: ConfigKey]
    /// The parents of keys (`training`, `training.optimizer`) in order of first appearance, each with the names in it.
    let sections: [(path: String, names: [String])]

    /// A table of keys. A path may be the beginning of another's (`model.init.forget_bias` and
    /// `model.init.forget_bias.chrono`) if both stand in one exclusive group. A doubled path, a condition or group that
    /// names no key, and a circle of conditions are programmer's errors and trap.
    package init(keys: [ConfigKey], exclusive: [[String]] = []) {
        self.keys = keys
        self.exclusive = exclusive
        key = Dictionary(keys.map { ($0.path, $0) }) { first, _ in
            preconditionFailure("the key \(first.path) stands twice in the table")
        }
        var names: [String: [String]] = ["": []]
        var order = [""]
        for key in keys {
            var parent = ""
            for name in key.path.split(separator: ".").map(String.init) {
                if names[parent] == nil { order.append(parent) }
                if names[parent]?.contains(name) != true { names[parent, default: []].append(name) }
                parent = parent.isEmpty ? name : "\(parent).\(name)"
            }
        }
        sections = order.map { ($0, names[$0] ?? []) }
        checkReferences()
    }

    private func checkReferences() {
        for group in exclusive {
            for path in group {
                precondition(key[path] != nil, "the exclusive group \(group) names \(path), which is no key")
            }
        }
        for key in keys {
            for condition in key.defaultWhen.map(\.condition) + [key.when].compactMap({ $0 }) {
                precondition(
                    self.key[condition.path] != nil, "\(key.path) depends on \(condition.path), which is no key")
            }
            var chain = key.when
            var length = 0
            while let condition = chain {
                length += 1
                precondition(length <= keys.count, "the conditions of \(key.path) form a circle")
                chain = self.key[condition.path]?.when
            }
            if isSection(key.path) {
                for other in keys where other.path.hasPrefix(key.path + ".") {
                    precondition(
                        siblings(of: key.path).contains(other.path),
                        "\(key.path) and \(other.path) must be alternatives of one exclusive group")
                }
            }
        }
    }

    /// Whether keys stand below a path; true for the empty path.
    func isSection(_ path: String) -> Bool {
        sections.contains { $0.path == path }
    }

    /// The alternatives of a key: all others of its groups.
    func siblings(of path: String) -> [String] {
        exclusive.filter { $0.contains(path) }.flatMap { $0 }.filter { $0 != path }
    }

    /// What can be given at a path, in the words that follow "accepted:".
    func accepted(at path: String) -> String {
        let value = key[path]?.kind.accepted
        guard let section = sections.first(where: { $0.path == path }) else { return value ?? "" }
        let keys = "the keys \(section.names.joined(separator: ", "))"
        return value.map { "\($0), or a section with \(keys)" } ?? "a section with \(keys)"
    }

    /// The table of keys for the documentation, as a table of Markdown: key, accepted, default, meaning.
    package var reference: String {
        func cell(_ text: String) -> String {
            text.replacing("|", with: "\\|")
        }
        let rows = keys.map { key in
            "| `\(key.path)` | \(cell(key.kind.accepted)) | \(cell(key.defaultWords)) | \(cell(key.meaningWithCondition)) |"
        }
        return (["| key | accepted | default | meaning |", "| --- | --- | --- | --- |"] + rows).joined(separator: "\n")
            + "\n"
    }
}

extension ConfigKey {
    /// The defaults in words: `0`, `0.9 (training.optimizer.name is momentum or nesterov)`, `required`.
    var defaultWords: String {
        var words = `default`.map { [$0.yamlText] } ?? (isRequired ? ["required"] : [])
        for (condition, value) in defaultWhen {
            words.append("\(value.yamlText) (\(condition.words))")
        }
        return words.isEmpty ? "none" : words.joined(separator: "; ")
    }

    /// The meaning, and when the key applies.
    var meaningWithCondition: String {
        when.map { "\(meaning) (only while \($0.words))" } ?? meaning
    }
}
