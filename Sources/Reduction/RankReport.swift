/// Figures of one rank that travel with a step's sums: the rank gives its values and all others give 0.
package struct RankReport: Sendable, Equatable {
    /// Of its parameters (`ParameterCheck`); 0 where they are not compared.
    package var hash = 0.0
    /// Of its steps since the last report: mean and longest time in forward, backward and update, in seconds.
    package var computing = 0.0
    package var longest = 0.0

    package init() {}

    package static let count = 3
    /// The values in the order in which they travel.
    subscript(number: Int) -> Double {
        switch number {
        case 0: hash
        case 1: computing
        default: longest
        }
    }

    init(_ numbers: ArraySlice<Double>) {
        let first = numbers.startIndex
        (hash, computing, longest) = (numbers[first], numbers[first + 1], numbers[first + 2])
    }
}
