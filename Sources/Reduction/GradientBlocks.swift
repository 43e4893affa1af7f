import Kernels
package import Tensors

/// A worker's gradient blocks, one after the other in memory: each as the parameters are laid out, and behind that, where sums go by
/// the tree, sums of gate gradients by token (the input reduction's).
package struct GradientBlocks {
    /// All of them.
    package let memory: FloatBlock
    /// Floats from one to the next.
    package let stride: Int
    /// What of the embedding's gradient each of them holds.
    package let rows: [GradientRows]

    package init(memory: FloatBlock, stride: Int, rows: [GradientRows]) {
        self.memory = memory
        self.stride = stride
        self.rows = rows
    }

    /// Blocks of its own, with zeros.
    ///
    /// - Parameter touched: where the rows that a step reaches are noted, of all blocks.
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

    /// Adds a range of a block to that of another, with the rows of the embedding that hold anything.
    package func join(_ join: SumPlan.Worker.Join, in range: Range<Int>) {
        let (to, from) = (pointer(join.block), pointer(join.other))
        rows[join.other].forEachRange(in: range) { floats in
            UnsafeMutableBufferPointer(start: to + floats.lowerBound, count: floats.count).add(from + floats.lowerBound)
        }
        if range.lowerBound == 0 { rows[join.block].filled.formUnion(rows[join.other].filled) }
    }

    /// As above, floats behind the gradients.
    package func joinTokenSums(_ join: SumPlan.Worker.Join, in floats: Range<Int>) {
        UnsafeMutableBufferPointer(start: pointer(join.block) + floats.lowerBound, count: floats.count)
            .add(pointer(join.other) + floats.lowerBound)
    }
}
