import Recurrent
import Tensors
import TestSupport
import Testing

@Suite("Gradients of carried states")
struct StateGradientTests {
    private static let cases = (CellTable.all + [TestGainCell.self]).flatMap { cell in
        (1...8).map { NetworkCase(cell: cell.name, seed: $0) }
    }

    /// The formulas of the case's cell.
    private func plain(_ example: NetworkCase) throws -> PlainCell {
        try #require(plainCells[example.cellName])
    }

    @Test(
        "the gradient of the initial state equals the central differences of the loss and the final state to 1e-4",
        arguments: cases)
    func initialState(_ example: NetworkCase) throws {
        let cell = try plain(example)
        var random = SeededRandom(ofCase: example.seed)
        let weights = PlainState(
            hidden: example.state.hidden.map { $0.map { $0.map { _ in Double(random.float(1)) } } },
            cell: example.state.cell.map { $0.map { $0.map { _ in Double(random.float(1)) } } })
        func objective(_ state: PlainState) -> Double {
            let network = PlainNetwork(
                example.configuration, cell.inDouble, example.plainParameters, mask: example.mask)
            let result = network.run(example.batch, from: state)
            return result.loss + zip(result.state.numbers, weights.numbers).reduce(0) { $0 + $1.0 * $1.1 }
        }

        let run = FloatRun(example)
        let final = RecurrentState(streams: run.state.streams, for: example.configuration)
        final.set(weights, firstStream: example.batch.firstStream)
        let initial = RecurrentState(streams: run.state.streams, for: example.configuration)
        // Values that the pass has to replace, and memory that an earlier pass has used.
        for block in [initial.hidden, initial.cell] { block.buffer.update(repeating: 1000) }
        _ = run.network.train(
            example.batch, run.state, run.workspace, dropoutSeed: run.dropoutSeed, adding: false)
        run.state.set(example.state, firstStream: example.batch.firstStream)
        _ = run.network.train(
            example.batch, run.state, run.workspace, dropoutSeed: run.dropoutSeed, adding: false,
            states: StateGradients(final: final, initial: initial))
        let found = (initial.hidden.numbers() + initial.cell.numbers()).map { Double($0) }

        var expected: [Double] = []
        for path in [\PlainState.hidden, \PlainState.cell] {
            for (layer, rows) in example.state[keyPath: path].enumerated() {
                for (b, row) in rows.enumerated() {
                    for unit in row.indices {
                        expected.append(
                            centralDifference { change in
                                var state = example.state
                                state[keyPath: path][layer][b][unit] += change
                                return objective(state)
                            })
                    }
                }
            }
        }
        #expect(found.count == expected.count)
        #expect(relativeDistance(found, expected) < 1e-4)
    }

    @Test(
        "two windows that pass the gradient of the state back have the gradients of one window over both",
        arguments: cases)
    func twoWindows(_ example: NetworkCase) {
        let window = example.batch.window
        guard window > 1 else { return }
        let whole = FloatRun(example)
        _ = whole.step(example.batch)
        let cut = (window + 1) / 2
        let parts = FloatRun(example)
        let (first, second) = (
            example.batch.part(steps: 0..<cut, example.task), example.batch.part(steps: cut..<window, example.task)
        )
        _ = parts.forward(first)
        let passedBack = RecurrentState(streams: parts.state.streams, for: example.configuration)
        _ = parts.network.train(
            second, parts.state, parts.workspace, dropoutSeed: parts.dropoutSeed, adding: false,
            states: StateGradients(initial: passedBack))
        parts.state.set(example.state, firstStream: example.batch.firstStream)
        _ = parts.network.train(
            first, parts.state, parts.workspace, dropoutSeed: parts.dropoutSeed, adding: true,
            states: StateGradients(final: passedBack))
        for tensor in example.configuration.layout.tensors {
            #expect(relativeDistance(parts.gradient(tensor.name), whole.gradient(tensor.name)) < 1e-4, "\(tensor.name)")
        }
    }
}
