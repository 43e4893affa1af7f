package import Tensors

/// h and c of each stream, carried from window to window: a value of its own, apart from weights and activations, so that
/// training, validation and sampling each hold theirs.
package struct RecurrentState {
    /// The global numbers of the streams held here; row r belongs to stream `streams.lowerBound + r`.
    package let streams: Range<Int>
    package let layers: Int
    package let hiddenSize: Int
    /// `[layers, streams, H]`, row-major.
    package let hidden: FloatBlock
    /// As `hidden`; empty for a cell without c.
    package let cell: FloatBlock

    /// The zero state of these streams.
    package init(streams: Range<Int>, for configuration: NetworkConfiguration) {
        self.streams = streams
        layers = configuration.layers
        hiddenSize = configuration.hiddenSize
        let count = layers * streams.count * hiddenSize
        hidden = FloatBlock(count: count)
        cell = FloatBlock(count: configuration.cell.hasCellState ? count : 0)
    }

    /// Back to the zero state: the beginning of an epoch, or of sequences that end.
    package func reset() {
        hidden.clear()
        cell.clear()
    }

    /// Back to zero for each stream whose state is not finite: nothing of it may go on to the next window.
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

    /// Where a layer's rows of some streams begin, in floats.
    func offset(layer: Int, stream: Int) -> Int {
        (layer * streams.count + stream - streams.lowerBound) * hiddenSize
    }
}
