package import Tensors

/// h and c of each stream, carried from window to window: separate from weights and activations, so that training,
/// validation and sampling each hold their own.
package struct RecurrentState {
    /// The global indices of the streams held here; row r belongs to stream `streams.lowerBound + r`.
    package let streams: Range<Int>
    /// The layers, or the directions of all layers.
    package let layers: Int
    package let hiddenSize: Int
    /// `[layers, streams, H]`, row-major.
    package let hidden: FloatBlock
    /// As `hidden`; empty for a cell without c.
    package let cell: FloatBlock

    /// The zero state of these streams.
    package init(streams: Range<Int>, for configuration: NetworkConfiguration) {
        self.streams = streams
        layers = configuration.recurrentLayers.count
        hiddenSize = configuration.hiddenSize
        let count = layers * streams.count * hiddenSize
        hidden = FloatBlock(count: count)
        cell = FloatBlock(count: configuration.cell.hasCellState ? count : 0)
    }

    /// Resets to the zero state: at the start of an epoch, or of independent sequences.
    package func reset() {
        hidden.clear()
        cell.clear()
    }

    /// Resets each stream whose state is not finite to zero, so that nothing of it reaches the next window.
    package func resetNonFinite() {
        for stream in streams {
            let places = (0..<layers).map { offset(layer: $0, stream: stream) }
            for block in [hidden, cell] where block.count > 0 {
                guard places.contains(where: { !block[$0..<$0 + hiddenSize].allSatisfy(\.isFinite) }) else { continue }
                for other in [hidden, cell] where other.count > 0 {
                    for place in places { other[place..<place + hiddenSize].update(repeating: 0) }
                }
            }
        }
    }

    /// The offset of a stream's row in a layer, in floats.
    func offset(layer: Int, stream: Int) -> Int {
        (layer * streams.count + stream - streams.lowerBound) * hiddenSize
    }
}
