// Conversion of YAML nodes, and of defaults in the code, to values of a key's kind.

extension ConfigKey.Kind {
    /// The node's value by this kind; nil if the kind doesn't accept it.
    func value(of node: YAMLNode) -> ConfigValue? {
        switch (self, node.content) {
        case (.texts, .list(let items)):
            return Self.list(items) { $0.text.map(ConfigValue.text) }
        case (.texts, .scalar):
            return node.text.map { .list([.text($0)]) }
        case (.numbers(let count, let range), .list(let items)) where items.count == count:
            return Self.list(items) { Self.number($0, range) }
        case (.text, .scalar):
            return node.text.map(ConfigValue.text)
        case (.boolean, .scalar(let text, isPlain: true)):
            return boolean(text).map(ConfigValue.boolean)
        case (.choice(let words), .scalar(let text, _)):
            return words.contains(text) ? .text(text) : nil
        case (.wordOrNumber(let words, let range), .scalar(let text, _)):
            return words.contains(text) ? .text(text) : Self.number(node, range)
        case (.wordOrInteger(let words, let range), .scalar(let text, _)):
            return words.contains(text) ? .text(text) : Self.integer(node, range)
        case (.integer(let range), _):
            return Self.integer(node, range)
        case (.number(let range), _):
            return Self.number(node, range)
        default:
            return nil
        }
    }

    /// A value given in the code, in the form that reading would give it (1 becomes 1.0 for a number, a text becomes a
    /// list of one for texts); nil if the kind doesn't accept it.
    func normalised(_ value: ConfigValue) -> ConfigValue? {
        self.value(of: YAMLNode(value))
    }

    private static func list(_ items: [YAMLNode], _ read: (YAMLNode) -> ConfigValue?) -> ConfigValue? {
        let values = items.compactMap(read)
        return values.count == items.count && !values.isEmpty ? .list(values) : nil
    }

    private static func integer(_ node: YAMLNode, _ range: ClosedRange<Int>) -> ConfigValue? {
        guard case .scalar(let text, isPlain: true) = node.content, let integer = integer(text) else { return nil }
        return range.contains(integer) ? .integer(integer) : nil
    }

    private static func number(_ node: YAMLNode, _ range: NumberRange) -> ConfigValue? {
        guard case .scalar(let text, isPlain: true) = node.content, let number = number(text) else { return nil }
        return range.contains(number) ? .number(number) : nil
    }

    /// A whole number in decimal digits, or a decimal number that is exactly whole and below 2^53.
    private static func integer(_ text: String) -> Int? {
        guard isDecimal(text) else { return nil }
        if let integer = Int(text) { return integer }
        guard text.contains(where: { ".eE".contains($0) }), let number = number(text) else { return nil }
        return abs(number) < 0x1p53 ? Int(exactly: number) : nil
    }

    /// A finite decimal number. -0 becomes 0.
    private static func number(_ text: String) -> Double? {
        guard isDecimal(text), let number = Double(text), number.isFinite else { return nil }
        return number == 0 ? 0 : number
    }

    private func boolean(_ text: String) -> Bool? {
        switch text {
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": true
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": false
        default: nil
        }
    }

    /// Sign, digits with or without a point, exponent. A leading zero before another digit is refused, because it means
    /// octal in YAML 1.1 and decimal in YAML 1.2.
    private static func isDecimal(_ text: String) -> Bool {
        var remaining = Substring(text).utf8
        func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
        func skip(_ bytes: String) {
            if let first = remaining.first, bytes.utf8.contains(first) { remaining.removeFirst() }
        }
        func skipDigits() -> Substring.UTF8View {
            let digits = remaining.prefix(while: isDigit)
            remaining = remaining.dropFirst(digits.count)
            return digits
        }
        skip("+-")
        let whole = skipDigits()
        guard whole.count < 2 || whole.first != UInt8(ascii: "0") else { return false }
        var hasDigits = !whole.isEmpty
        if remaining.first == UInt8(ascii: ".") {
            remaining.removeFirst()
            hasDigits = !skipDigits().isEmpty || hasDigits
        }
        guard hasDigits else { return false }
        if let first = remaining.first, first == UInt8(ascii: "e") || first == UInt8(ascii: "E") {
            remaining.removeFirst()
            skip("+-")
            guard !skipDigits().isEmpty else { return false }
        }
        return remaining.isEmpty
    }
}

extension YAMLNode {
    /// The text of a scalar that is neither empty nor null; nil otherwise.
    fileprivate var text: String? {
        guard case .scalar(let text, _) = content, !text.isEmpty, !isNull else { return nil }
        return text
    }

    /// The YAML node of a value given in the code.
    fileprivate init(_ value: ConfigValue) {
        switch value {
        case .list(let items): self.init(.list(items.map(YAMLNode.init)), line: 0)
        case .text(let text): self.init(.scalar(text, isPlain: false), line: 0)
        case .integer, .number, .boolean: self.init(.scalar(value.plainText, isPlain: true), line: 0)
        }
    }
}
