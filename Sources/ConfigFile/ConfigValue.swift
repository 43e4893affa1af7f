/// The value of a key, of the type of the key's kind.
package enum ConfigValue: Sendable, Equatable {
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case text(String)
    case list([ConfigValue])
}

// Literals keep a table of keys to one line a key: `default: 128`, `default: "adam"`, `default: [0.9, 0.999]`.

extension ConfigValue: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: Int) {
        self = .integer(value)
    }
}

extension ConfigValue: ExpressibleByFloatLiteral {
    package init(floatLiteral value: Double) {
        self = .number(value)
    }
}

extension ConfigValue: ExpressibleByBooleanLiteral {
    package init(booleanLiteral value: Bool) {
        self = .boolean(value)
    }
}

extension ConfigValue: ExpressibleByStringLiteral {
    package init(stringLiteral value: String) {
        self = .text(value)
    }
}

extension ConfigValue: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: ConfigValue...) {
        self = .list(elements)
    }
}
