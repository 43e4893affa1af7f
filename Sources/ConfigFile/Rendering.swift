// A configuration as YAML: plain for a run folder, annotated for readers.

extension Configuration {
    /// Every key that has a value, nested, in the table's order. Reading it gives an equal configuration.
    package var yaml: String {
        lines().filter(\.isValue).map { $0.text + "\n" }.joined()
    }

    /// Like `yaml`, with each value's origin, meaning and accepted values in an aligned comment; keys without a value
    /// are written as comments.
    package var annotatedYAML: String {
        let lines = lines()
        // Long values don't widen the column of all lines.
        let width = lines.map(\.text.count).filter { $0 <= 48 }.max() ?? 0
        let originWidth = lines.compactMap { $0.key == nil ? nil : $0.origin.count }.max() ?? 0
        return lines.map { line in
            guard let key = line.key else { return line.text + "\n" }
            return padded(line.text, width) + "  # " + padded(line.origin, originWidth)
                + " · \(key.meaning) · \(key.kind.accepted)\n"
        }.joined()
    }

    private struct Line {
        let text: String
        /// False for a comment.
        let isValue: Bool
        /// nil for the name of a section.
        var key: ConfigKey?
        var origin = ""
    }

    private func lines() -> [Line] {
        lines(of: "", indent: "")
    }

    private func lines(of section: String, indent: String) -> [Line] {
        let names = table.sections.first { $0.path == section }?.names ?? []
        return names.flatMap { name -> [Line] in
            let path = section.isEmpty ? name : "\(section).\(name)"
            var lines: [Line] = []
            if let key = table.key[path] {
                let value = value(path)
                let text = value.map { "\(indent)\(name): \($0.yamlText)" } ?? "\(indent)# \(name)"
                lines.append(Line(text: text, isValue: value != nil, key: key, origin: originDescription(key)))
            }
            if table.isSection(path) {
                let below = self.lines(of: path, indent: indent + "  ")
                let hasValue = below.contains(where: \.isValue)
                if hasValue || table.key[path] == nil {
                    lines.append(Line(text: indent + (hasValue ? "" : "# ") + name + ":", isValue: hasValue))
                }
                lines += below
            }
            return lines
        }
    }

    private func originDescription(_ key: ConfigKey) -> String {
        switch (origin(key.path), has(key.path)) {
        case (.file(_, let line), _): return "line \(line)"
        case (.set, _): return "--set"
        case (.default, true): return "default"
        case (.default, false):
            if let sibling = table.siblings(of: key.path).first(where: has) { return "replaced by \(sibling)" }
            if let condition = key.when, !condition.holds(for: value(condition.path)) {
                return "if \(condition.description)"
            }
            return "not given"
        }
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
