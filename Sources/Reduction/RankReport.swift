/// Measurements of one rank that are reduced together with a step's sums: each rank contributes its own values, and 0
/// for all others.
package struct RankReport: Sendable, Equatable {
    /// The hash of its parameters (`ParameterCheck`); 0 if they are not compared.
    package var hash = 0.0
    /// Mean and longest time of forward, backward and update over the steps since the last report, in seconds.
    package var computing = 0.0
    package var longest = 0.0

    package init() {}

    package static let count = 3
    /// The values in the order in which they are reduced.
    subscript(index: Int) -> Double {
        switch index {
        case 0: hash
        case 1: computing
        default: longest
        }
    }

    init(_ values: ArraySlice<Double>) {
        let first = values.startIndex
        (hash, computing, longest) = (values[first], values[first + 1], values[first + 2])
    }
}
