import Kernels
package import Tensors

/// Sums over the chunks of a block (`TensorChunks`), in memory that the ranks of a host share: each chunk's owner writes
/// its sums, and after the ranks have met every rank adds those of a tensor, or of the block, in order. So these sums
/// have the same bits on every rank, for any number of owners.
package final class ChunkSums {
    package let chunks: TensorChunks
    private let values: UnsafeMutableBufferPointer<Double>
    /// Whose memory this is; nil where it was allocated here.
    private let owner: AnyObject?

    /// What is summed, one value for each chunk.
    package enum Kind: Int, CaseIterable {
        /// Squares of the summed gradients.
        case gradientSquares
        /// For an optimiser that needs the norms of whole tensors (`TensorwiseRule`).
        case parameterSquares, directionSquares
    }

    static func chunks(of layout: TensorLayout) -> TensorChunks { TensorChunks(layout, length: PartialSum.length) }

    static func count(of layout: TensorLayout) -> Int { Kind.allCases.count * chunks(of: layout).count }

    init(_ layout: TensorLayout) {
        chunks = Self.chunks(of: layout)
        values = .allocate(capacity: Self.count(of: layout))
        values.initialize(repeating: 0)
        owner = nil
    }

    /// - Parameter memory: `count(of:)` Doubles of `owner`.
    init(_ layout: TensorLayout, borrowing memory: UnsafeMutableBufferPointer<Double>, owner: AnyObject) {
        chunks = Self.chunks(of: layout)
        values = memory
        self.owner = owner
    }

    deinit { if owner == nil { values.deallocate() } }

    package subscript(kind: Kind, chunk: Int) -> Double {
        get { values[kind.rawValue * chunks.count + chunk] }
        set { values[kind.rawValue * chunks.count + chunk] = newValue }
    }

    /// The sum over some chunks, in order.
    package func total(_ kind: Kind, of some: Range<Int>) -> Double {
        some.reduce(0) { $0 + self[kind, $1] }
    }
}
