/// What becomes of a missing value (`data.missing`).
package enum MissingValues: String, CaseIterable {
    /// It is an error.
    case refuse
    /// The channel's mean in the training data.
    case mean
    /// The channel's last value before it in the sequence; without one, the mean.
    case carry
    /// The mean; and each channel with gaps in the training data has a second channel: 1 where its value is missing, 0
    /// elsewhere.
    case indicator
}

/// How channels are scaled (`data.scaling`), by the training data.
package enum Scaling: String, CaseIterable {
    case none
    /// Mean 0 and standard deviation 1.
    case standard
    /// From 0 to 1.
    case minmax
}
