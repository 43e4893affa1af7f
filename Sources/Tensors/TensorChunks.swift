/// The chunks of a block for sums over its tensors: each tensor is cut into runs of `length` floats, from its first
/// float.
///
/// Chunks depend only on the layout, so a sum over chunks has the same bits however chunks are distributed. The padding
/// behind a tensor belongs to its last chunk.
package struct TensorChunks: Sendable, Equatable {
    /// The first float of each chunk, ascending; then the block's end.
    private let starts: [Int]
    /// The chunks of each tensor, in the layout's order.
    package let ofTensors: [Range<Int>]
    /// The index of each chunk's tensor.
    package let tensors: [Int]

    /// - Parameter length: the floats of a chunk, except for the last one of a tensor.
    package init(_ layout: TensorLayout, length: Int) {
        var starts: [Int] = []
        ofTensors = layout.tensors.map { tensor in
            let first = starts.count
            starts += stride(from: tensor.offset, to: tensor.offset + tensor.count, by: length)
            return first..<starts.count
        }
        tensors = ofTensors.enumerated().flatMap { tensor, chunks in chunks.map { _ in tensor } }
        self.starts = starts + [layout.count]
    }

    package var count: Int { starts.count - 1 }

    /// The floats of a chunk.
    package func floats(_ chunk: Int) -> Range<Int> { starts[chunk]..<starts[chunk + 1] }

    /// The floats of adjacent chunks.
    package func floats(_ chunks: Range<Int>) -> Range<Int> { starts[chunks.lowerBound]..<starts[chunks.upperBound] }

    /// The chunks of a range of floats that begins and ends at a tensor's first float or at the block's end.
    package func chunks(of floats: Range<Int>) -> Range<Int> {
        chunk(at: floats.lowerBound)..<chunk(at: floats.upperBound)
    }

    private func chunk(at float: Int) -> Int {
        guard let chunk = starts.firstIndex(of: float) else {
            preconditionFailure("no tensor begins at float \(float)")
        }
        return chunk
    }
}
