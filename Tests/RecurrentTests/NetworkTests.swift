import Foundation
import Recurrent
import Tensors
import Testing

@Suite("Network")
struct NetworkTests {
    @Test("two windows with carried state give the results of one window over both", arguments: NetworkCase.all)
    func carriedState(_ example: NetworkCase) {
        let window = example.batch.window
        guard window > 1 else { return }
        let whole = FloatRun(example)
        let expected = whole.forward(example.batch)
        let parts = FloatRun(example)
        let cut = (window + 1) / 2
        var tally = parts.forward(example.batch.part(steps: 0..<cut, example.task))
        tally += parts.forward(example.batch.part(steps: cut..<window, example.task))
        #expect(abs(tally.loss - expected.loss) <= 1e-5 * expected.loss)
        #expect(tally.scored == expected.scored)
        #expect(relativeDistance(parts.stateNumbers, whole.stateNumbers) < 1e-5)
    }

    @Test(
        "a sequence computed alone has the same loss, outputs and state as in its batch, to 1e-5",
        arguments: NetworkCase.all)
    func sequencesAlone(_ example: NetworkCase) {
        let whole = FloatRun(example)
        _ = whole.forward(example.batch)
        let width = example.task.output.width
        let outputs = whole.workspace.scoredOutputs
        for b in 0..<example.batch.sequences {
            // Stores the state of all streams, to check that only this one's changes.
            let first = example.batch.firstStream
            let alone = FloatRun(example, streams: first..<first + example.batch.sequences)
            let before = alone.stateNumbers
            _ = alone.forward(example.batch.part(sequences: b..<b + 1, example.task))
            let losses = (whole.workspace.sequenceLosses[b], alone.workspace.sequenceLosses[0])
            #expect(abs(losses.0 - losses.1) <= 1e-5 * max(1, abs(losses.0)))

            let computed = alone.workspace.scoredOutputs
            let places = outputs.rows.indices.filter { Int(outputs.rows[$0]) % example.batch.sequences == b }
            #expect(computed.rows.map { Int($0) } == places.map { Int(outputs.rows[$0]) / example.batch.sequences })
            for (index, place) in places.enumerated() {
                for column in 0..<width { #expect(abs(computed[index][column] - outputs[place][column]) < 1e-5) }
            }

            for place in before.indices {
                let stream = place / example.hiddenSize % example.batch.sequences
                let expected = stream == b ? whole.stateNumbers[place] : before[place]
                #expect(abs(alone.stateNumbers[place] - expected) < (stream == b ? 1e-5 : 0.0.nextUp))
            }
        }
    }

    @Test(
        "a workspace that was used for larger, smaller and undropped windows gives the same numbers", arguments: 1...20)
    func reusedWorkspace(seed: UInt64) {
        for cell in CellTable.all {
            let example = NetworkCase(cell: cell.name, seed: seed, dropout: 0.3)
            let fresh = FloatRun(example)
            let expected = fresh.step(example.batch)
            let used = FloatRun(example)
            let state = RecurrentState(streams: 0..<200, for: example.configuration)
            let parts = [
                example.batch.part(sequences: 0..<1, steps: 0..<1, example.task), example.batch,
                example.batch.part(sequences: 0..<1, example.task), example.batch.part(steps: 0..<1, example.task),
            ]
            for dropoutSeed: UInt64? in [nil, 99, nil, 99] {
                for part in parts {
                    _ = used.network.train(
                        part, state, used.workspace, dropoutSeed: dropoutSeed, adding: true)
                }
            }
            #expect(used.step(example.batch) == expected, "\(example.testDescription)")
            for tensor in example.configuration.layout.tensors {
                let (a, b) = (used.gradient(tensor.name), fresh.gradient(tensor.name))
                #expect(a == b, "\(tensor.name) of \(example.testDescription)")
            }
        }
    }

    @Test("without a dropout seed every unit is kept, whatever the rate")
    func undropped() {
        for cell in CellTable.all {
            let dropping = FloatRun(NetworkCase(cell: cell.name, seed: 9, dropout: 0.5))
            let example = NetworkCase(cell: cell.name, seed: 9, dropout: 0)
            let scored = dropping.network.score(example.batch, dropping.state, dropping.workspace)
            #expect(Tally(scored: scored, dropping.workspace) == FloatRun(example).forward(example.batch))
        }
    }

    @Test("a network for scoring has the losses of the trained one without dropout")
    func scoring() {
        let example = NetworkCase(cell: "lstm", seed: 12, dropout: 0.4)
        let run = FloatRun(example)
        let network = SequenceModel.forScoring(example.configuration, run.parameters)
        let state = RecurrentState(streams: run.state.streams, for: example.configuration)
        let expected = run.network.score(
            example.batch, RecurrentState(streams: run.state.streams, for: example.configuration), run.workspace)
        let workspace = Workspace(for: example.configuration, keepsOutputs: false)
        #expect(network.score(example.batch, state, workspace) == expected)
        #expect(workspace.sequenceLosses == run.workspace.sequenceLosses)
    }

    @Test("each range of gradients is final when it is reported as finished", arguments: NetworkCase.all)
    func finished(_ example: NetworkCase) {
        for batch in [example.batch, example.batch.part(sequences: 0..<0, example.task)] {
            let run = FloatRun(example)
            let ranges = example.configuration.finishingRanges(byTree: false)
            var numbers: [Int] = []
            var seen: [Float] = []
            _ = run.network.train(
                batch, run.state, run.workspace, dropoutSeed: run.dropoutSeed,
                sums: .whole(sequences: batch.sequences, adding: false)
            ) { number in
                let range = ranges[number]
                numbers.append(number)
                seen = run.gradients.numbers(range) + seen
                // It must not be written again.
                run.gradients[range].update(repeating: -7)
            }
            #expect(numbers == Array(ranges.indices))
            #expect(run.gradients.numbers().allSatisfy { $0 == -7 })
            let other = FloatRun(example)
            _ = other.step(batch)
            #expect(seen == other.gradients.numbers())
        }
    }

    @Test("a batch without sequences counts nothing and clears the gradients, unless adding")
    func noSequences() {
        let example = NetworkCase(cell: "lstm", seed: 3)
        let run = FloatRun(example)
        let none = example.batch.part(sequences: 0..<0, example.task)
        #expect(run.step(none, adding: true) == Tally())
        let tensors = example.configuration.layout.tensors
        #expect(tensors.allSatisfy { run.gradients.numbers($0.range).allSatisfy { $0 == 1000 } })
        #expect(run.step(none) == Tally())
        #expect(run.gradients.numbers().allSatisfy { $0 == 0 })
    }

    @Test("a batch without a scored step has no loss and no gradient", arguments: CellTable.all.map { $0.name })
    func nothingScored(cell: String) {
        let example = NetworkCase(cell: cell, seed: 5)
        let run = FloatRun(example)
        var batch = example.batch
        for row in batch.targets.indices { batch.targets[row] = Batch.unscored }
        #expect(run.step(batch) == Tally())
        for tensor in example.configuration.layout.tensors {
            #expect(run.gradients.numbers(tensor.range).allSatisfy { $0 == 0 }, "\(tensor.name)")
        }
    }

    @Test("the outputs for classes are probabilities")
    func probabilities() {
        for example in NetworkCase.all {
            guard case .classes(let count) = example.task.output else { continue }
            let run = FloatRun(example)
            _ = run.forward(example.batch)
            let outputs = run.workspace.scoredOutputs
            #expect(outputs.width == count && outputs.rows.count == example.batch.scored)
            for index in outputs.rows.indices { #expect(abs(outputs[index].reduce(0, +) - 1) < 1e-5) }
        }
    }

    @Test("a NaN among the weights propagates to the loss")
    func nan() {
        for cell in CellTable.all {
            let example = NetworkCase(cell: cell.name, seed: 4)
            for tensor in example.configuration.layout.tensors where tensor.name != "embedding.weight" {
                let run = FloatRun(example)
                run.parameters.pointer[tensor.offset] = .nan
                run.parameters.markChanged()
                var network = run.network
                network.pack()
                // Also if the weight is multiplied by zero: 0 x NaN is NaN.
                _ = network.score(example.batch, run.state, run.workspace)
                #expect(run.workspace.sequenceLosses.reduce(0, +).isNaN, "\(tensor.name) of \(cell.name)")
            }
        }
    }

    @Test(
        "networks that share packed weights, of which each packs a part, compute the same as a single one",
        arguments: NetworkCase.all)
    func sharedWeights(_ example: NetworkCase) {
        let expected = FloatRun(example)
        let tally = expected.step(example.batch)
        let run = FloatRun(example)
        // The weights that were packed before are out of date.
        run.parameters.clear()
        var networks = [run.network]
        networks[0].pack()
        let gradientBlocks = (0..<2).map { _ in FloatBlock(count: example.configuration.layout.count) }
        networks += gradientBlocks.map { networks[0].with(gradients: $0) }
        run.parameters.copy(from: expected.parameters)
        run.parameters.markChanged()
        for part in [2, 0, 1] { networks[part].pack(part: part, of: 3) }
        run.gradients.clear()
        let scored = networks[2].train(
            example.batch, run.state, run.workspace, dropoutSeed: run.dropoutSeed, adding: false)
        #expect(Tally(scored: scored, run.workspace) == tally)
        for tensor in example.configuration.layout.tensors {
            #expect(
                gradientBlocks[1].numbers(tensor.range) == expected.gradients.numbers(tensor.range), "\(tensor.name)")
        }
        #expect((run.gradients.numbers() + gradientBlocks[0].numbers()).allSatisfy { $0 == 0 })
        #expect(run.stateNumbers == expected.stateNumbers)
    }

    @Test("resetting makes every state zero")
    func reset() {
        let run = FloatRun(NetworkCase(cell: "lstm", seed: 3))
        #expect(run.stateNumbers.contains { $0 != 0 })
        run.state.reset()
        #expect(run.stateNumbers.allSatisfy { $0 == 0 })
    }
}
