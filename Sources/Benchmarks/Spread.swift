/// Repeated measurements of one thing.
package struct Spread: Sendable {
    /// In the order in which they were made; at least one.
    package let values: [Double]

    package init(_ values: [Double]) {
        precondition(!values.isEmpty, "Nothing was measured.")
        self.values = values
    }

    /// The middle one by size; of an even number, the mean of the two in the middle.
    package var median: Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// The smallest; values that are not numbers would not be ordered, and times and rates are numbers.
    package var least: Double { values.reduce(values[0], min) }

    package var greatest: Double { values.reduce(values[0], max) }

    /// Between which the middle half lies.
    package var quartiles: (lower: Double, upper: Double) {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 4], sorted[(3 * (sorted.count - 1) + 3) / 4])
    }
}
