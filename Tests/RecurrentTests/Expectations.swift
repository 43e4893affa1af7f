import Recurrent
import Tensors
import Testing

// What the suites expect of each of their cases.

/// A step's loss, its count, the gradients and the state after it are the Double reference's.
func expectReference(_ example: NetworkCase) throws {
    let plain = example.plainRun(try #require(plainCells[example.cellName]))
    let run = FloatRun(example)
    let tally = run.step(example.batch)
    #expect(abs(tally.loss - plain.loss) < 1e-5 * plain.loss)
    #expect(tally.scored == example.batch.scored)
    #expect(relativeDistance(run.stateNumbers, plain.state.numbers) < 1e-5)
    for tensor in example.configuration.layout.tensors {
        let distance = relativeDistance(run.gradient(tensor.name), try #require(plain.gradients[tensor.name]))
        #expect(distance < 1e-4, "\(tensor.name)")
    }
}

/// The gradients that the Double reference computes by its tape are its central differences.
func expectCentralDifferences(_ example: NetworkCase) throws {
    let cell = try #require(plainCells[example.cellName])
    let gradients = example.plainRun(cell).gradients
    for tensor in example.configuration.layout.tensors {
        let distance = relativeDistance(
            try #require(gradients[tensor.name]), example.differences(of: tensor.name, cell))
        #expect(distance < 1e-6, "\(tensor.name)")
    }
}

/// The gradients of the whole batch have the bits of those that are computed in parts: one division for each of
/// `divisions`, which lists where a part ends and the next one begins.
func expectSameBits(_ example: NetworkCase, cutAt divisions: [[Int]]) {
    let whole = TreeRun(example, cuts: []).gradients
    for cuts in divisions {
        let parts = TreeRun(example, cuts: cuts).gradients
        for tensor in example.configuration.layout.tensors {
            let differing = tensor.range.count { whole[$0].bitPattern != parts[$0].bitPattern }
            #expect(differing == 0, "\(tensor.name), cut at \(cuts)")
        }
    }
}

/// A step leaves the gradients of the floats between tensors at 0.
func expectZeroPadding(_ example: NetworkCase) {
    let run = FloatRun(example)
    _ = run.step(example.batch)
    let owned = Set(example.configuration.layout.tensors.flatMap { Array($0.range) })
    let numbers = run.gradients.numbers()
    #expect(numbers.indices.allSatisfy { owned.contains($0) || numbers[$0] == 0 })
}
