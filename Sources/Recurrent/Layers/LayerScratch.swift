import Kernels
import Tensors

/// What the products of a recurrent layer pack, for one layer at a time.
struct LayerScratch {
    /// Sums that wait for others (`leafStackCount`).
    let stack: UnsafeMutablePointer<Float>
    /// The hidden rows and the input rows as panels of columns, `[K][columns]` each, K = T B.
    let hiddenPanels: UnsafeMutablePointer<Float>
    let inputPanels: UnsafeMutablePointer<Float>
    /// Weights; in the place of hidden rows, which are wanted at another time.
    var panels: UnsafeMutablePointer<Float> { hiddenPanels }
    private let block: FloatBlock

    /// For windows of up to `rows` steps of all sequences together.
    init(_ configuration: NetworkConfiguration, rows: Int) {
        let parts = Self.parts(configuration, rows: rows)
        block = FloatBlock(count: parts.reduce(0, +))
        stack = block.pointer
        hiddenPanels = stack + parts[0]
        inputPanels = hiddenPanels + parts[1]
    }

    /// Floats of each part, whole lines.
    private static func parts(_ configuration: NetworkConfiguration, rows: Int) -> [Int] {
        let hidden = configuration.hiddenSize
        let input = (0..<configuration.layers).map { configuration.inputSize(ofLayer: $0) }.max() ?? 0
        let layout = GateLayout(configuration.cell, hiddenSize: hidden)
        let tilesAtOnce = max(1, Tuning.inputGradientBlock / layout.width(layout.inputSlots))
        let weights = max(
            input * GateLayout.width, tilesAtOnce * layout.width(layout.inputSlots) * wholeVectors(input))
        return [leafStackCount, max(rows * wholeVectors(hidden), weights), rows * wholeVectors(input)].map(
            TensorLayout.wholeLines)
    }
}
