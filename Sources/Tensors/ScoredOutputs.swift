/// What a network answered at the S scored steps of a batch, for a task to judge. Borrowed: valid until the workspace
/// that owns it is used again.
package struct ScoredOutputs {
    /// The place t B + b of each scored step in the batch, ascending.
    package let rows: [Int32]
    /// `[S, width]`, row-major: probabilities of the classes, or the values.
    package let values: UnsafePointer<Float>
    package let width: Int

    package init(rows: [Int32], values: UnsafePointer<Float>, width: Int) {
        self.rows = rows
        self.values = values
        self.width = width
    }

    /// The answer at the scored step number `index`.
    package subscript(index: Int) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: values + index * width, count: width)
    }
}
