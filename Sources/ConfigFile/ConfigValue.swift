/// The value of a key, of the type of the key's kind.
package enum ConfigValue: Sendable, Equatable {
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case text(String)
    case list([ConfigValue])
}
