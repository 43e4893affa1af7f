/// A network's outputs at the S scored time steps of a batch, for a task to evaluate. Borrowed: valid until the
/// workspace that owns them is used again.
package struct ScoredOutputs {
    /// The index t B + b of each scored time step in the batch, ascending.
    package let rows: [Int32]
    /// `[S, width]`, row-major: probabilities of the classes, or the values.
    package let values: UnsafePointer<Float>
    package let width: Int

    package init(rows: [Int32], values: UnsafePointer<Float>, width: Int) {
        self.rows = rows
        self.values = values
        self.width = width
    }

    /// The output at scored time step `index`.
    package subscript(index: Int) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: values + index * width, count: width)
    }
}
