/// A text from a file for a message: on one line, without control characters, truncated to `limit` characters.
package func shown(_ text: String, limit: Int = 60) -> String {
    var line = ""
    for (count, scalar) in text.unicodeScalars.enumerated() {
        if count == limit { return line + "…" }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            line += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: line.unicodeScalars.append(scalar)
        }
    }
    return line
}

/// A shape as a text, `[2, 3]`; at most its first eight dimensions.
func shown(_ shape: [some BinaryInteger]) -> String {
    let dimensions = shape.prefix(8).map { "\($0)" } + (shape.count > 8 ? ["… (\(shape.count) dimensions)"] : [])
    return "[" + dimensions.joined(separator: ", ") + "]"
}
