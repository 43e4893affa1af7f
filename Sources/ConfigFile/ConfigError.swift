import System

/// An unusable configuration, described in one sentence: the location, the key, the value found and the accepted
/// values.
package struct ConfigError: Error, Equatable, CustomStringConvertible, Sendable, ExitCoded {
    /// The whole message, without a line break and without a final full stop.
    package let description: String
    package var exitCode: Int32 { 2 }

    /// An error with the given whole message.
    package init(_ description: String) {
        self.description = description
    }
}

/// The location of a value, for error messages.
enum Source: Sendable, Equatable {
    case file(name: String, line: Int)
    case set(argument: String)

    /// `configs/a.yaml, line 4` or `--set training.batch=3`.
    var location: String {
        switch self {
        case .file(let name, let line): "\(name), line \(line)"
        case .set(let argument): "--set \(shown(argument, limit: 120))"
        }
    }

    /// The location as it follows "given" in a message that begins with the location `other`.
    func location(relativeTo other: Source) -> String {
        switch (self, other) {
        case (.file(let name, let line), .file(let otherName, _)) where name == otherName: "in line \(line)"
        case (.file, _): "in \(location)"
        case (.set, _): "by \(location)"
        }
    }

    /// An error at this location.
    func error(_ sentence: String) -> ConfigError {
        ConfigError("\(location): \(sentence)")
    }
}

/// A text from outside for a message: on one line, control characters escaped, truncated to `limit` characters.
func shown(_ text: String, limit: Int = 60) -> String {
    var line = ""
    var count = 0
    for scalar in text.unicodeScalars {
        if count == limit { return line + "…" }
        count += 1
        switch scalar {
        case "\n": line += "\\n"
        case "\t": line += "\\t"
        case "\r": line += "\\r"
        // Looks like a space but is not one in YAML.
        case _ where scalar != " " && scalar.properties.generalCategory == .spaceSeparator:
            line += "\\u{" + String(scalar.value, radix: 16) + "}"
        case _ where isPrintable(scalar): line.unicodeScalars.append(scalar)
        default: line += "\\u{" + String(scalar.value, radix: 16) + "}"
        }
    }
    return line
}

/// Whether a scalar needs no escape in a line of YAML or of a message: it is neither a control character nor a line
/// separator nor a byte order mark.
func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E, 0xA0...0x2027, 0x202F...0x2065, 0x2070...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD,
        0x10000...0x10FFFF:
        true
    default:
        false
    }
}
