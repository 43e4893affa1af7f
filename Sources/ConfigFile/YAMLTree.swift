import System

/// A YAML value with its line.
struct YAMLNode {
    indirect enum Content {
        /// `isPlain`: written without quotes.
        case scalar(String, isPlain: Bool)
        case list([YAMLNode])
        /// A mapping.
        case section([Entry])
    }

    struct Entry {
        let key: String
        let line: Int
        let value: YAMLNode
    }

    let content: Content
    let line: Int

    init(_ content: Content, line: Int) {
        self.content = content
        self.line = line
    }

    /// An absent value, `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The value in a message: -1, the text "12", [a, b], a section.
    var description: String {
        switch content {
        case .scalar("", isPlain: true): "empty"
        case .scalar("", isPlain: false): "an empty text"
        case .scalar(let text, isPlain: true): shown(text)
        case .scalar(let text, isPlain: false): "the text \"\(shown(text))\""
        case .list(let items) where items.isEmpty: "an empty list"
        case .list(let items): "[" + shown(items.prefix(30).map(\.itemDescription).joined(separator: ", ")) + "]"
        case .section: "a section"
        }
    }

    private var itemDescription: String {
        switch content {
        case .scalar(let text, isPlain: true): text
        case .scalar(let text, isPlain: false): "\"\(text)\""
        case .list: "[…]"
        case .section: "{…}"
        }
    }
}

/// Reads the single document of a text: a file, or the value of a `--set`.
struct YAMLReader {
    /// Maximum bytes and levels of nesting; they bound the time and the stack for any text.
    static let largestText = 1 << 20
    static let deepestNesting = 20

    private var events: ArraySlice<YAMLEvent>
    private let source: (_ line: Int) -> Source

    /// The document's value; nil if there is none or it is null. `source` returns the location of a line; `path` is the
    /// key whose value the document is (empty for a file).
    static func read(
        _ text: String, path: String = "", source: @escaping (_ line: Int) -> Source
    ) throws(ConfigError) -> YAMLNode? {
        // A byte order mark is removed, because libyaml treats it as content if the encoding is set.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        guard text.utf8.count <= largestText else {
            throw source(1).error("\(text.utf8.count) bytes of text; accepted: at most \(largestText)")
        }
        var reader: YAMLReader
        do {
            reader = YAMLReader(events: try yamlEvents(of: text)[...], source: source)
        } catch {
            let hint = path.isEmpty ? tabHint(text, line: error.line) + aliasHint(error) : overrideHint
            throw source(error.line).error("broken YAML: \(error.problem)\(hint)")
        }
        guard !reader.events.isEmpty else { return nil }
        reader.events.removeFirst()
        let root = try reader.node(path: path, depth: 0)
        reader.events.removeFirst()
        if let second = reader.events.first {
            throw source(second.line).error("a second document begins; accepted: one document")
        }
        return root.isNull ? nil : root
    }

    /// A pattern of file names begins like an alias.
    private static func aliasHint(_ error: YAMLSyntaxError) -> String {
        error.problem.contains("while scanning an alias")
            ? "; a value that begins with * is written in quotes, as \"*.txt\"" : ""
    }

    private static let overrideHint = "; a value that begins with [, { or a quote is read as YAML"

    private static func tabHint(_ text: String, line: Int) -> String {
        let lines = text.split(separator: "\n", maxSplits: line, omittingEmptySubsequences: false)
        guard line <= lines.count, lines[line - 1].prefix(while: { $0 == " " || $0 == "\t" }).contains("\t") else {
            return ""
        }
        return "; YAML is indented with spaces, not tabs"
    }

    /// Reads a value from the next events. libyaml's events are balanced, so there always is a next event.
    private mutating func node(path: String, depth: Int) throws(ConfigError) -> YAMLNode {
        let event = events.removeFirst()
        let source = source(event.line)
        let subject = path.isEmpty ? "the document" : shown(path, limit: 100)
        guard depth <= Self.deepestNesting else {
            throw source.error(
                "more than \(Self.deepestNesting) levels of nesting; accepted: at most \(Self.deepestNesting)")
        }
        if let anchor = event.anchor {
            throw source.error(
                "\(subject) has the anchor &\(shown(anchor)); accepted: values written out, without anchors and aliases"
            )
        }
        if let tag = event.tag {
            let short = tag.hasPrefix("tag:yaml.org,2002:") ? "!!" + tag.dropFirst(18) : tag
            throw source.error("\(subject) has the tag \(shown(short)); accepted: values without tags")
        }
        switch event.kind {
        case .alias(let name):
            throw source.error(
                "\(subject) is the alias *\(shown(name)); accepted: values written out, without anchors and aliases")
        case .scalar(let text, let isPlain):
            return YAMLNode(.scalar(text, isPlain: isPlain), line: event.line)
        case .listStart:
            return YAMLNode(.list(try list(path: path, depth: depth)), line: event.line)
        case .sectionStart:
            return YAMLNode(.section(try section(path: path, depth: depth)), line: event.line)
        case .documentStart, .documentEnd, .listEnd, .sectionEnd:
            preconditionFailure("libyaml's events are balanced")
        }
    }

    private mutating func list(path: String, depth: Int) throws(ConfigError) -> [YAMLNode] {
        var items: [YAMLNode] = []
        while let next = events.first {
            if case .listEnd = next.kind { break }
            items.append(try node(path: "\(path)[\(items.count)]", depth: depth + 1))
        }
        events.removeFirst()
        return items
    }

    private mutating func section(path: String, depth: Int) throws(ConfigError) -> [YAMLNode.Entry] {
        var entries: [YAMLNode.Entry] = []
        var lines: [String: Int] = [:]
        while let next = events.first {
            if case .sectionEnd = next.kind { break }
            let keyNode = try node(path: path.isEmpty ? "a key" : "a key of \(path)", depth: depth + 1)
            let source = source(keyNode.line)
            guard case .scalar(let key, _) = keyNode.content, !key.isEmpty else {
                let problem = keyNode.isNull ? "a key is missing" : "\(keyNode.description) is used as a key"
                throw source.error("\(problem); accepted: a name")
            }
            let keyPath = path.isEmpty ? key : "\(path).\(key)"
            if let earlier = lines.updateValue(keyNode.line, forKey: key) {
                throw doubled(keyPath, at: source, earlier: self.source(earlier))
            }
            entries.append(.init(key: key, line: keyNode.line, value: try node(path: keyPath, depth: depth + 1)))
        }
        events.removeFirst()
        return entries
    }
}

/// The error for a key given twice in one source.
func doubled(_ path: String, at source: Source, earlier: Source) -> ConfigError {
    let occasion = earlier == source ? "twice" : "already \(earlier.location(relativeTo: source))"
    return source.error("\(shown(path, limit: 100)) is given \(occasion); accepted: once")
}
