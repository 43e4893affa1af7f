import System

/// A configuration that can't be used: one sentence for the user that names the place, the key, what was found and what
/// is accepted.
package struct ConfigError: Error, Equatable, CustomStringConvertible, Sendable, ExitCoded {
    /// The whole message, without a line break and without a final full stop.
    package let description: String
    package var exitCode: Int32 { 2 }

    /// An error with the given whole message.
    package init(_ description: String) {
        self.description = description
    }
}

/// Where a value was given: the place that an error names.
enum Source: Sendable, Equatable {
    case file(name: String, line: Int)
    case set(argument: String)

    /// `configs/a.yaml, line 4` or `--set training.batch=3`.
    var place: String {
        switch self {
        case .file(let name, let line): "\(name), line \(line)"
        case .set(let argument): "--set \(shown(argument, limit: 120))"
        }
    }

    /// The place in words that follow "given", for a message that itself starts at `other`.
    func words(besides other: Source) -> String {
        switch (self, other) {
        case (.file(let name, let line), .file(let otherName, _)) where name == otherName: "in line \(line)"
        case (.file, _): "in \(place)"
        case (.set, _): "by \(place)"
        }
    }

    /// An error at this place.
    func error(_ sentence: String) -> ConfigError {
        ConfigError("\(place): \(sentence)")
    }
}

/// A text from outside, fit for a message: on one line, control characters escaped, cut to `limit` characters.
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
        case _ where isPrintable(scalar): line.unicodeScalars.append(scalar)
        default: line += "\\u{" + String(scalar.value, radix: 16) + "}"
        }
    }
    return line
}

/// Whether a scalar can stand in a line of YAML or of a message as it is: neither a control nor a line separator nor a
/// byte order mark.
func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E, 0xA0...0x2027, 0x202F...0x2065, 0x2070...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD,
        0x10000...0x10FFFF:
        true
    default:
        false
    }
}
