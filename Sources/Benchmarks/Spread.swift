/// Repeated measurements of one quantity.
package struct Spread: Sendable {
    /// At least one value, in the order of measurement.
    package let values: [Double]

    package init(_ values: [Double]) {
        precondition(!values.isEmpty, "Nothing was measured.")
        self.values = values
    }

    /// The middle value by size; for an even count, the mean of the two middle values.
    package var median: Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// The smallest value. NaN would not be ordered, but times and rates are never NaN.
    package var least: Double { values.reduce(values[0], min) }

    package var greatest: Double { values.reduce(values[0], max) }

    /// The bounds of the middle half of the values.
    package var quartiles: (lower: Double, upper: Double) {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 4], sorted[(3 * (sorted.count - 1) + 3) / 4])
    }
}
