package import Tensors

/// A part of a model: an embedding, a recurrent layer, an output layer.
///
/// A part declares its tensors once. The layout of all blocks, the order in which gradients are finished, the initial
/// weights, and the names in PyTorch and in checkpoints follow from that list (`ModelLayout`).
package protocol ModelPart: Sendable {
    /// Its tensors, in the order of the layout.
    var parameters: [ParameterSpec] { get }
    /// Floats of its weights as the kernels read them (`SequenceModel.pack`), each block on a cache line.
    var packedCount: Int { get }
    /// Floating-point operations of the forward pass for one time step, products alone: the count that speeds are
    /// quoted by.
    var flops: Double { get }
}

extension ModelPart {
    package var packedCount: Int { 0 }
    package var flops: Double { 0 }
}

/// A tensor of a model, as its part declares it.
package struct ParameterSpec: Sendable, Equatable {
    /// The name in PyTorch's `state_dict` and in checkpoints.
    package let name: String
    /// Row-major; a vector has one dimension.
    package let shape: [Int]
    package let initial: InitialValues

    package init(_ name: String, _ shape: [Int], _ initial: InitialValues = .uniform) {
        self.name = name
        self.shape = shape
        self.initial = initial
    }
}

/// The values that a tensor has before the first step (`InitialWeights`).
package enum InitialValues: Sendable, Equatable {
    /// Uniform in (-scale, scale), where scale is `model.init.scale`.
    case uniform
    /// The same value everywhere: 1 for a gain.
    case constant(Float)
    /// As `uniform`; then the rule of `model.init.forget_bias` sets the biases of some gates.
    case biases(GateBiases)
}

/// The biases `[G H]` of a recurrent layer, to which the rule of `model.init.forget_bias` applies.
package struct GateBiases: Sendable, Equatable {
    package enum Side: Sendable, Equatable {
        /// Added to W_x x: takes the values of the rule.
        case input
        /// Added to W_h h: 0 in the gates that the rule sets.
        case recurrent
    }

    package let side: Side
    /// The number of the layer, or of its direction, among all: no two draw the same numbers.
    package let part: Int
    package let hiddenSize: Int
    /// The gates of the rule; nil for a cell without them.
    package let forgetGate: Int?
    package let inputGate: Int?
}

/// Where the tensors of a model's parts are in a block, and in which order a backward pass finishes their gradients.
package struct ModelLayout: Sendable {
    package let tensors: TensorLayout
    /// The declaration of each tensor of `tensors`.
    package let parameters: [ParameterSpec]
    /// For each part, the indices of its tensors.
    private let indices: [Range<Int>]
    package var partCount: Int { indices.count }

    /// - Parameter parts: from the input to the output; each has at least one tensor.
    package init(_ parts: [any ModelPart]) {
        let lists = parts.map(\.parameters)
        parameters = Array(lists.joined())
        tensors = TensorLayout(parameters.map { ($0.name, $0.shape) })
        var end = 0
        indices = lists.map { list in
            defer { end += list.count }
            return end..<end + list.count
        }
    }

    /// The tensors of one part, in the order in which it declares them.
    package func tensors(ofPart part: Int) -> ArraySlice<TensorLayout.Tensor> { tensors.tensors[indices[part]] }

    /// The ranges of a gradient block that a backward pass finishes one after the other, the output's first: range
    /// `number` is final when `finished(number)` is called. Together they are the whole block, from its end to its
    /// start.
    ///
    /// - Parameter withInput: how many tensors of the part above the first one are finished together with it.
    package func finishingRanges(withInput: Int = 0) -> [Range<Int>] {
        var starts = indices.map { tensors.tensors[$0.lowerBound].offset }
        if withInput > 0 { starts[1] = tensors.tensors[indices[1].lowerBound + withInput].offset }
        return zip(starts, starts.dropFirst() + [tensors.count]).map { $0..<$1 }.reversed()
    }
}
