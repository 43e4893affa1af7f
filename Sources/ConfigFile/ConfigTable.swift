/// All keys of a configuration, in the order in which they are printed.
package struct ConfigTable: Sendable {
    package let keys: [ConfigKey]
    /// Groups of alternatives. A given key replaces the others and their defaults. Two from one source are rejected;
    /// one from --set replaces one from the file. If none is given, the first that applies and has a default is used.
    package let exclusive: [[String]]
    let key: [String: ConfigKey]
    /// The parents of keys (`training`, `training.optimizer`) in order of first appearance, each with the names in it.
    let sections: [(path: String, names: [String])]

    /// A table of keys. A path may be the beginning of another's (`model.init.forget_bias` and
    /// `model.init.forget_bias.chrono`) if both are in one exclusive group. A duplicate path, a condition or group with
    /// an unknown key, a trait without a condition, and a cycle of conditions are programming errors and trap.
    ///
    /// - Parameter traits: the condition of each trait that keys depend on.
    package init(keys: [ConfigKey], exclusive: [[String]] = [], traits: [Trait: Condition] = [:]) {
        let keys = keys.map { key in
            guard let trait = key.when?.trait else { return key }
            guard let condition = traits[trait] else {
                preconditionFailure("\(key.path) depends on the trait \(trait.name), which has no condition")
            }
            return key.when(condition)
        }
        self.keys = keys
        self.exclusive = exclusive
        key = Dictionary(keys.map { ($0.path, $0) }) { first, _ in
            preconditionFailure("the key \(first.path) is in the table twice")
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
                precondition(key[path] != nil, "the exclusive group \(group) names \(path), which is not a key")
            }
        }
        for key in keys {
            for condition in key.defaultWhen.map(\.condition) + [key.when].compactMap({ $0 }) {
                precondition(
                    self.key[condition.path] != nil, "\(key.path) depends on \(condition.path), which is not a key")
            }
            var chain = key.when
            var length = 0
            while let condition = chain {
                length += 1
                precondition(length <= keys.count, "the conditions of \(key.path) form a cycle")
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

    /// Whether a path has keys below it; true for the empty path.
    func isSection(_ path: String) -> Bool {
        sections.contains { $0.path == path }
    }

    /// The alternatives of a key: all other keys of its groups.
    func siblings(of path: String) -> [String] {
        exclusive.filter { $0.contains(path) }.flatMap { $0 }.filter { $0 != path }
    }

    /// The description of the values accepted at a path, which follows "accepted:".
    func accepted(at path: String) -> String {
        let value = key[path]?.kind.accepted
        guard let section = sections.first(where: { $0.path == path }) else { return value ?? "" }
        let keys = "the keys \(section.names.joined(separator: ", "))"
        return value.map { "\($0), or a section with \(keys)" } ?? "a section with \(keys)"
    }

    /// What a resumed run may do with the value at `path`; `.fixed` for a path that is not a key.
    package func onResume(_ path: String) -> ConfigKey.OnResume { key[path]?.onResume ?? .fixed }

    /// The table of keys for the documentation, in Markdown: key, accepted values, default, on resume, meaning.
    package var reference: String {
        func cell(_ text: String) -> String {
            text.replacing("|", with: "\\|")
        }
        let rows = keys.map { key in
            "| `\(key.path)` | \(cell(key.kind.accepted)) | \(cell(key.defaults)) | \(key.onResume.rawValue) | "
                + "\(cell(key.meaningWithCondition)) |"
        }
        return (["| key | accepted | default | on resume | meaning |", "| --- | --- | --- | --- | --- |"] + rows)
            .joined(separator: "\n")
            + "\n"
    }
}

extension ConfigKey {
    /// A description of the defaults: `0`, `0.9 (training.optimizer.name is momentum or nesterov)`, `required`.
    var defaults: String {
        var parts = `default`.map { [$0.yamlText] } ?? (isRequired ? ["required"] : [])
        for (condition, value) in defaultWhen {
            parts.append("\(value.yamlText) (\(condition.description))")
        }
        return parts.isEmpty ? "none" : parts.joined(separator: "; ")
    }

    /// The meaning, followed by the condition.
    var meaningWithCondition: String {
        when.map { "\(meaning) (only while \($0.description))" } ?? meaning
    }
}
