/// A JSON value whose members keep their order, so that a value always has the same text.
///
/// Literals build one: `["split": "train", "step": 10, "loss": .float(loss)]`. Null has no literal (`.null`), so that
/// `nil` always means a missing member.
package enum JSONValue: Sendable {
    case object([(key: String, value: JSONValue)])
    case array([JSONValue])
    case string(String)
    case integer(Int)
    case number(Double)
    /// Written with the fewest digits that restore the Float; parsing returns a `number`, never this case.
    case float(Float)
    case boolean(Bool)
    case null
}

extension JSONValue {
    /// On one line without spaces. Numbers have the fewest digits that restore them exactly; non-finite numbers are
    /// `null`, because JSON cannot represent them.
    package var text: String {
        var text = ""
        write(to: &text, indent: nil)
        return text
    }

    /// On several lines, indented by two spaces per level, for files that users open. Ends with a newline.
    package var indentedText: String {
        var text = ""
        write(to: &text, indent: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: Int?) {
        switch self {
        case .object(let members):
            Self.write("{", "}", count: members.count, to: &text, indent: indent) { index, text, deeper in
                Self.write(members[index].key, to: &text)
                text += deeper == nil ? ":" : ": "
                members[index].value.write(to: &text, indent: deeper)
            }
        case .array(let elements):
            Self.write("[", "]", count: elements.count, to: &text, indent: indent) { index, text, deeper in
                elements[index].write(to: &text, indent: deeper)
            }
        case .string(let string): Self.write(string, to: &text)
        case .integer(let integer): text += "\(integer)"
        case .number(let number): text += number.isFinite ? "\(number)" : "null"
        case .float(let number): text += number.isFinite ? "\(number)" : "null"
        case .boolean(let boolean): text += boolean ? "true" : "false"
        case .null: text += "null"
        }
    }

    private static func write(
        _ opening: String, _ closing: String, count: Int, to text: inout String, indent: Int?,
        _ element: (_ index: Int, _ text: inout String, _ deeper: Int?) -> Void
    ) {
        let deeper = indent.map { $0 + 1 }
        text += opening
        for index in 0..<count {
            if index > 0 { text += "," }
            if let deeper { text += "\n" + String(repeating: "  ", count: deeper) }
            element(index, &text, deeper)
        }
        if let indent, count > 0 { text += "\n" + String(repeating: "  ", count: indent) }
        text += closing
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSONValue {
    /// The value of an object's member; nil if it is missing or the value isn't an object.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    package var stringValue: String? {
        if case .string(let string) = self { string } else { nil }
    }

    package var integerValue: Int? {
        if case .integer(let integer) = self { integer } else { nil }
    }

    /// Any of the three number cases as a Double. `Float(_:)` of a parsed `float` restores it exactly.
    package var numberValue: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        case .float(let number): Double(number)
        default: nil
        }
    }

    package var booleanValue: Bool? {
        if case .boolean(let boolean) = self { boolean } else { nil }
    }

    package var arrayValue: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    package var members: [(key: String, value: JSONValue)]? {
        if case .object(let members) = self { members } else { nil }
    }
}

extension JSONValue: Equatable {
    /// Equal cases with equal contents; members in the same order.
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.object(let left), .object(let right)): left.elementsEqual(right, by: ==)
        case (.array(let left), .array(let right)): left == right
        case (.string(let left), .string(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.float(let left), .float(let right)): left == right
        case (.boolean(let left), .boolean(let right)): left == right
        case (.null, .null): true
        default: false
        }
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { (key: $0.0, value: $0.1) })
    }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .number(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
}
