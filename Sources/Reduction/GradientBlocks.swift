import Kernels
package import Tensors

/// A worker's gradient blocks, contiguous in memory. Each has the layout of the parameters; with tree sums, the sums of
/// gate gradients by token (`InputReduction`) follow behind that.
package struct GradientBlocks {
    /// All blocks.
    package let memory: FloatBlock
    /// Floats from the start of one block to the start of the next.
    package let stride: Int
    /// The rows of the embedding's gradient that each block holds.
    package let rows: [GradientRows]

    package init(memory: FloatBlock, stride: Int, rows: [GradientRows]) {
        self.memory = memory
        self.stride = stride
        self.rows = rows
    }

    /// Allocates blocks filled with zeros.
    ///
    /// - Parameter touched: the set that records the rows a step reaches, for all blocks; nil: a set for each block.
    package init(_ count: Int, stride: Int, embedding: (rows: Int, width: Int), touched: RowSet? = nil) {
        self.init(
            memory: FloatBlock(count: count * stride), stride: stride,
            rows: Self.rows(count, embedding: embedding, touched: touched))
    }

    static func rows(_ count: Int, embedding: (rows: Int, width: Int), touched: RowSet? = nil) -> [GradientRows] {
        (0..<count).map { _ in
            GradientRows(touched: touched ?? RowSet(rows: embedding.rows), width: embedding.width, isZero: true)
        }
    }

    package func pointer(_ block: Int) -> UnsafeMutablePointer<Float> { memory.pointer + block * stride }

    /// Adds a range of one block to the same range of another, limited to the embedding rows that are filled.
    package func join(_ join: SumPlan.Worker.Join, in range: Range<Int>) {
        let (to, from) = (pointer(join.block), pointer(join.other))
        rows[join.other].forEachRange(in: range) { floats in
            UnsafeMutableBufferPointer(start: to + floats.lowerBound, count: floats.count).add(from + floats.lowerBound)
        }
        if range.lowerBound == 0 { rows[join.block].filled.formUnion(rows[join.other].filled) }
    }

    /// As `join`, for floats behind the gradients.
    package func joinBehind(_ join: SumPlan.Worker.Join, in floats: Range<Int>) {
        UnsafeMutableBufferPointer(start: pointer(join.block) + floats.lowerBound, count: floats.count)
            .add(pointer(join.other) + floats.lowerBound)
    }
}
