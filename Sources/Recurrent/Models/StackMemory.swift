import Kernels
import Tensors

/// The memory of a stack of recurrent layers for one window. Legend: T window, B sequences, H hidden, D directions, E
/// input width.
final class StackMemory {
    private let parts: [LayerPart]
    private let directions: Int
    /// Floats from one row of the input's gradient to the next; 0: it is never computed.
    private let inputPitch: Int
    /// The largest window so far.
    private var windowCapacity = 0
    private var sequenceCapacity = 0
    private var blocks: Blocks

    /// The window of the batch.
    private(set) var window = 0
    private(set) var sequences = 0
    private(set) var usesDropout = false
    /// For each layer, one for each direction.
    private(set) var layers: [LayerMemory] = []

    /// All blocks, for windows of one shape.
    private struct Blocks {
        let layers: [LayerMemory]
        /// `[T B, max(D H, E)]`, two of them: gradients between layers.
        let between: [FloatBlock]
        let scratch: LayerScratch
        /// For each layer, with dropout: the mask of its output `[T B, D H]`, 0 or 1/(1 - rate), and the output times
        /// the mask.
        let masks: [FloatBlock]
        let dropped: [FloatBlock]
        /// With both directions: the output of each layer, `[T B, D H]`.
        let joined: [FloatBlock]
        let reversal: ReversalMemory?

        /// - Parameter make: makes a block of this many floats.
        init(
            _ parts: [LayerPart], inputPitch: Int, window: Int, sequences: Int, withDropout: Bool,
            _ make: (Int) -> FloatBlock
        ) {
            let rows = window * sequences
            let directions = StackMemory.directions(parts)
            let count = parts.count / directions
            let pitch = StackMemory.pitch(parts)
            layers = parts.map { LayerMemory($0, window: window, sequences: sequences, make) }
            between = (0..<2).map { _ in make(rows * max(pitch, inputPitch)) }
            scratch = LayerScratch(parts, rows: rows, make)
            masks = withDropout ? (0..<count).map { _ in make(rows * pitch) } : []
            dropped = withDropout ? (0..<count).map { _ in make(rows * pitch) } : []
            joined = directions > 1 ? (0..<count).map { _ in make(rows * pitch) } : []
            reversal = directions > 1 ? ReversalMemory(parts, rows: rows, make) : nil
        }
    }

    private static func directions(_ parts: [LayerPart]) -> Int { parts.count { $0.layer == 0 } }
    /// Floats from one row of a layer's output to the next.
    private static func pitch(_ parts: [LayerPart]) -> Int { Tuning.rowPitch(directions(parts) * parts[0].hiddenSize) }

    /// - Parameter inputPitch: floats from one row of the input's gradient to the next; 0: it is never computed.
    init(_ parts: [LayerPart], inputPitch: Int) {
        self.parts = parts
        self.inputPitch = inputPitch
        directions = Self.directions(parts)
        pitch = Self.pitch(parts)
        blocks = Blocks(parts, inputPitch: inputPitch, window: 0, sequences: 0, withDropout: false) {
            FloatBlock(count: $0)
        }
    }

    /// Floats of the blocks for windows of this shape.
    static func floatCount(
        _ parts: [LayerPart], inputPitch: Int, window: Int, sequences: Int, withDropout: Bool
    ) -> Int {
        FloatBlock.floats {
            _ = Blocks(
                parts, inputPitch: inputPitch, window: window, sequences: sequences, withDropout: withDropout, $0)
        }
    }

    /// Rows of the largest window that there is memory for.
    var rowCapacity: Int { windowCapacity * sequenceCapacity }
    /// Floats from one row of a layer's output to the next.
    let pitch: Int
    var scratch: LayerScratch { blocks.scratch }
    var masks: [FloatBlock] { blocks.masks }
    var dropped: [FloatBlock] { blocks.dropped }
    var between: [FloatBlock] { blocks.between }
    /// nil for one direction.
    var reversal: ReversalMemory? { blocks.reversal }

    /// Where the gradient of the stack's output is to be stored before the backward pass, `[T B, D H]`.
    var outputGradient: ResultRows { ResultRows(blocks.between[0].pointer, pitch: pitch) }

    /// Makes the memory large enough for a window.
    func prepare(window: Int, sequences: Int, withDropout: Bool) {
        if window > windowCapacity || sequences > sequenceCapacity || (withDropout && masks.isEmpty) {
            windowCapacity = max(window, windowCapacity)
            sequenceCapacity = max(sequences, sequenceCapacity)
            blocks = Blocks(
                parts, inputPitch: inputPitch, window: windowCapacity, sequences: sequenceCapacity,
                withDropout: withDropout || !masks.isEmpty
            ) { FloatBlock(count: $0) }
            layers.removeAll(keepingCapacity: true)
        }
        usesDropout = withDropout
        guard window != self.window || sequences != self.sequences || layers.isEmpty else { return }
        self.window = window
        self.sequences = sequences
        layers.removeAll(keepingCapacity: true)
        for whole in blocks.layers { layers.append(LayerMemory(whole, window: window, sequences: sequences)) }
    }

    /// The output of a layer before dropout, `[T B, D H]`.
    func output(ofLayer layer: Int) -> UnsafeMutablePointer<Float> {
        directions > 1 ? blocks.joined[layer].pointer : layers[layer].output
    }

    /// The output of a layer after dropout, as rows that the next layer, or the model's head, reads.
    func outputRows(ofLayer layer: Int) -> InputRows {
        InputRows(
            usesDropout ? dropped[layer].pointer : output(ofLayer: layer), pitch: pitch,
            columns: directions * parts[0].hiddenSize, count: window * sequences)
    }
}
