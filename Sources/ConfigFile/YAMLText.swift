// Values as YAML that reads back as the same value.

extension ConfigValue {
    /// The value as YAML on one line: exact numbers, texts quoted if YAML would read them differently, a list of one
    /// text as the text.
    package var yamlText: String {
        switch self {
        case .text(let text): yamlQuotedIfNeeded(text)
        case .list(let items):
            if items.count == 1, case .text(let text) = items[0] {
                yamlQuotedIfNeeded(text)
            } else {
                "[" + items.map(\.yamlText).joined(separator: ", ") + "]"
            }
        case .integer, .number, .boolean: plainText
        }
    }

    /// The value without quotes, for comparison with a condition's values and for messages.
    var plainText: String {
        switch self {
        case .integer(let integer): String(integer)
        case .number(let number): number.description
        case .boolean(let boolean): String(boolean)
        case .text(let text): text
        case .list: yamlText
        }
    }
}

/// A text as a plain scalar if every YAML reader would read it as this text, else in double quotes.
private func yamlQuotedIfNeeded(_ text: String) -> String {
    isSafePlain(text) ? text : yamlQuoted(text)
}

/// True for a text of letters, digits and `_./-+@%` that starts with no YAML indicator and is not a number, a date or a
/// YAML keyword.
private func isSafePlain(_ text: String) -> Bool {
    let letters = text.utf8
    let first = letters.first ?? UInt8(ascii: "-")
    guard first != UInt8(ascii: "-"), first != UInt8(ascii: "@"), first != UInt8(ascii: "%") else { return false }
    let isSafe = letters.allSatisfy { letter in
        switch letter {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "_./-+@%".utf8.contains(letter)
        }
    }
    let startsAsNumber = "0123456789.+".utf8.contains(first)
    let looksLikeNumber = startsAsNumber && letters.allSatisfy { "0123456789abcdefABCDEFxXoO_.+-".utf8.contains($0) }
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", ".nan", ".inf", "+.inf"]
    return isSafe && !looksLikeNumber && !words.contains(text.lowercased())
}

private func yamlQuoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": quoted += "\\\""
        case "\\": quoted += "\\\\"
        case "\n": quoted += "\\n"
        case "\t": quoted += "\\t"
        case "\r": quoted += "\\r"
        case _ where isPrintable(scalar): quoted.unicodeScalars.append(scalar)
        default:
            let digits = String(scalar.value, radix: 16)
            let width = scalar.value <= 0xFF ? 2 : scalar.value <= 0xFFFF ? 4 : 8
            let letter = width == 2 ? "x" : width == 4 ? "u" : "U"
            quoted += "\\\(letter)" + String(repeating: "0", count: width - digits.utf8.count) + digits
        }
    }
    return quoted + "\""
}
