/// The positions of a model's named tensors in a `FloatBlock`, computed only from names and shapes.
///
/// Parameters, gradients, optimiser state and checkpoints have the same layout, with PyTorch's names. Tensors are
/// row-major and start on a cache line; the floats between them stay zero.
package struct TensorLayout: Sendable, Equatable {
    package struct Tensor: Sendable, Equatable {
        package let name: String
        /// Row-major; a vector has one dimension.
        package let shape: [Int]
        /// First float in the block.
        package let offset: Int

        package var count: Int { shape.reduce(1, *) }
        package var range: Range<Int> { offset..<offset + count }
    }

    /// In the order of their offsets.
    package let tensors: [Tensor]
    /// The size of a block for all tensors in floats, including padding.
    package let count: Int
    private let indices: [String: Int]

    package init(_ shapes: [(name: String, shape: [Int])]) {
        var tensors: [Tensor] = []
        var indices: [String: Int] = [:]
        var offset = 0
        for (name, shape) in shapes {
            precondition(indices[name] == nil, "two tensors are named \(name)")
            let tensor = Tensor(name: name, shape: shape, offset: offset)
            indices[name] = tensors.count
            tensors.append(tensor)
            offset += Self.wholeLines(tensor.count)
        }
        self.tensors = tensors
        self.indices = indices
        count = offset
    }

    /// `count` floats, rounded up to whole cache lines.
    package static func wholeLines(_ count: Int) -> Int {
        let line = FloatBlock.alignment / MemoryLayout<Float>.stride
        return (count + line - 1) / line * line
    }

    package subscript(name: String) -> Tensor? { indices[name].map { tensors[$0] } }

    /// The number of parameters: the floats of all tensors, without padding.
    package var parameterCount: Int { tensors.reduce(0) { $0 + $1.count } }
}
