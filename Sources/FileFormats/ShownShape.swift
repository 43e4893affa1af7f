import System

/// A shape as a text, `[2, 3]`; at most its first eight dimensions.
func shown(_ shape: [some BinaryInteger]) -> String {
    let dimensions = shape.prefix(8).map { "\($0)" } + (shape.count > 8 ? ["… (\(shape.count) dimensions)"] : [])
    return "[" + dimensions.joined(separator: ", ") + "]"
}
