/// A text from a file for a message: on one line, without control characters, truncated to `limit` characters. Spaces
/// other than U+0020 are written as codes, because they look like it.
package func shown(_ text: String, limit: Int = 60) -> String {
    var line = ""
    for (count, scalar) in text.unicodeScalars.enumerated() {
        if count == limit { return line + "…" }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            line += "\\u{" + String(scalar.value, radix: 16) + "}"
        case .spaceSeparator where scalar != " ": line += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: line.unicodeScalars.append(scalar)
        }
    }
    return line
}

/// A message for a terminal: control characters except newline and tab are written as `\u{1b}`.
package func printable(_ message: String) -> String {
    func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory != .control || scalar == "\n" || scalar == "\t"
    }
    guard !message.unicodeScalars.allSatisfy(isHarmless) else { return message }
    var text = ""
    for scalar in message.unicodeScalars {
        if isHarmless(scalar) {
            text.unicodeScalars.append(scalar)
        } else {
            text += "\\u{" + String(scalar.value, radix: 16) + "}"
        }
    }
    return text
}

/// Bytes that are not UTF-8, for a message: non-printable and non-ASCII bytes are written as `\xE9`.
package func escaped(_ bytes: UnsafeRawBufferPointer) -> String {
    bytes.map { byte in
        if 0x20..<0x7F ~= byte { return String(Unicode.Scalar(byte)) }
        return "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
}

/// A path for a message: without control characters, truncated only if extremely long.
package func shownPath(_ path: String) -> String { shown(path, limit: 1000) }
