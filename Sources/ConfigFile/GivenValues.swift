import System

/// The values given in the file and by --set, each checked against its key's kind, in the order given.
struct GivenValues {
    struct Given {
        let path: String
        let value: ConfigValue
        let source: Source
    }

    private let table: ConfigTable
    private(set) var inFile: [Given] = []
    private(set) var bySet: [Given] = []

    init(table: ConfigTable) {
        self.table = table
    }

    /// Adds the keys of a file.
    mutating func add(file name: String, yaml: String) throws(ConfigError) {
        let root = try YAMLReader.read(yaml) { .file(name: name, line: $0) }
        let empty: Bool
        if case .section(let entries)? = root?.content { empty = entries.isEmpty } else { empty = root == nil }
        guard let root, !empty else {
            throw ConfigError("\(name) is empty; accepted: \(table.accepted(at: ""))")
        }
        inFile = try leaves(of: root, at: "") { .file(name: name, line: $0) }
        try checkAlternatives(among: inFile)
    }

    /// Adds overrides, each `key.path=value` as given to --set.
    ///
    /// A value that starts with `[`, `{` or a quote is read as YAML; any other value is taken literally as a plain
    /// scalar, so that `#`, `*` and `: ` need no quotes.
    mutating func add(overrides: [String]) throws(ConfigError) {
        for argument in overrides {
            let source = Source.set(argument: argument)
            guard let equals = argument.firstIndex(of: "=") else {
                throw source.error("missing '='; accepted: --set key.path=value")
            }
            let path = trimmed(argument[..<equals])
            let text = trimmed(argument[argument.index(after: equals)...])
            guard !path.isEmpty else {
                throw source.error("missing key before '='; accepted: --set key.path=value")
            }
            try checkKnown(path, at: source)
            bySet += try leaves(of: try node(of: text, path: path, source), at: path) { _ in source }
        }
        var earlier: [String: Source] = [:]
        for given in bySet {
            if let source = earlier.updateValue(given.source, forKey: given.path) {
                throw doubled(given.path, at: given.source, earlier: source)
            }
        }
        try checkAlternatives(among: bySet)
    }

    private func node(of text: String, path: String, _ source: Source) throws(ConfigError) -> YAMLNode {
        guard let first = text.first, "[{\"'".contains(first) else {
            return YAMLNode(.scalar(text, isPlain: true), line: 1)
        }
        let node = try YAMLReader.read(text, path: path) { _ in source }
        if case .section(let entries)? = node?.content, entries.isEmpty {
            throw source.error("\(path) is an empty section; accepted: \(table.accepted(at: path))")
        }
        // Never nil, because the text begins a list, a section or a quoted text.
        return node ?? YAMLNode(.scalar("", isPlain: true), line: 1)
    }

    /// The values in the node at `path`, in order.
    private func leaves(
        of node: YAMLNode, at path: String, source: (_ line: Int) -> Source
    ) throws(ConfigError) -> [Given] {
        if case .section(let entries) = node.content, table.isSection(path) {
            var values: [Given] = []
            for entry in entries {
                let below = path.isEmpty ? entry.key : "\(path).\(entry.key)"
                if entry.key.contains("."), table.key[below] != nil || table.isSection(below) {
                    throw source(entry.line).error(
                        "\(below) is written as one key; accepted: nested sections, or --set \(below)=…")
                }
                try checkKnown(below, at: source(entry.line))
                // Messages about a value name its key's line.
                values += try leaves(of: YAMLNode(entry.value.content, line: entry.line), at: below, source: source)
            }
            return values
        }
        let source = source(node.line)
        guard let key = table.key[path], let value = key.kind.value(of: node) else {
            throw refused(node, at: path, source)
        }
        return [Given(path: path, value: value, source: source)]
    }

    private func refused(_ node: YAMLNode, at path: String, _ source: Source) -> ConfigError {
        let subject = path.isEmpty ? "the document" : path
        var hint = ""
        if case .scalar(let text, _) = node.content, let choices = table.key[path]?.kind.choices,
            let word = nearestWord(to: text, among: choices)
        {
            hint = "; did you mean \(word)?"
        }
        return source.error("\(subject) is \(node.description); accepted: \(table.accepted(at: path))\(hint)")
    }

    private func checkKnown(_ path: String, at source: Source) throws(ConfigError) {
        guard table.key[path] == nil, !table.isSection(path) else { return }
        let known = table.keys.map(\.path) + table.sections.map(\.path).filter { !$0.isEmpty }
        if let nearest = nearestPath(to: path, among: known) {
            throw source.error("\(shown(path, limit: 100)) is not a key; did you mean \(nearest)?")
        }
        // The innermost existing section around it.
        var section = path
        repeat {
            section = section.lastIndex(of: ".").map { String(section[..<$0]) } ?? ""
        } while !table.isSection(section)
        let names = table.sections.first { $0.path == section }?.names ?? []
        let location = section.isEmpty ? "" : " in \(section)"
        throw source.error(
            "\(shown(path, limit: 100)) is not a key; accepted\(location): \(names.joined(separator: ", "))")
    }

    /// Refuses two alternatives from one source.
    private func checkAlternatives(among values: [Given]) throws(ConfigError) {
        var earlier: [String: Source] = [:]
        for given in values {
            for sibling in table.siblings(of: given.path) {
                guard let source = earlier[sibling] else { continue }
                let location = source == given.source ? "together with it" : source.location(relativeTo: given.source)
                throw given.source.error(
                    "\(given.path) excludes \(sibling), which is given \(location); accepted: one of them")
            }
            earlier[given.path] = given.source
        }
    }

    private func trimmed(_ text: Substring) -> String {
        let isSpace = { (character: Character) in character == " " || character == "\t" || character.isNewline }
        var trimmed = text.drop(while: isSpace)
        while let last = trimmed.last, isSpace(last) { trimmed.removeLast() }
        return String(trimmed)
    }
}
