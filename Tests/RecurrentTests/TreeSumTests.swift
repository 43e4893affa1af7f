import Recurrent
import Tensors
import Testing

/// Gradients of a case's batch, computed in parts as ranks compute them: sums along the tree, combined afterwards.
struct TreeRun {
    let configuration: NetworkConfiguration
    private(set) var nodes: [(rows: Range<Int>, block: [Float])] = []

    /// - Parameter cuts: where a part ends and the next one begins.
    init(_ example: NetworkCase, cuts: [Int]) {
        configuration = example.configuration
        let borders = [0] + cuts + [example.batch.sequences]
        for (first, end) in zip(borders, borders.dropFirst()) { run(example, first..<end) }
    }

    private mutating func run(_ example: NetworkCase, _ rows: Range<Int>) {
        let batch = example.batch
        let covering = SumTree.nodes(covering: rows, of: batch.sequences)
        let stride = configuration.gradientStride(byTree: true)
        let gradients = FloatBlock(count: stride * covering.count)
        gradients.buffer.update(repeating: 1000)  // a gradient that isn't written keeps this value
        let run = FloatRun(example)
        var network = SequenceModel(
            configuration, parameters: run.parameters, gradients: gradients, blockStride: stride,
            gradientRows: covering.map { _ in
                GradientRows(
                    touched: RowSet(rows: configuration.embeddingShape.rows),
                    width: configuration.embeddingShape.width, isZero: false)
            })
        network.pack()
        var tokens: StepTokens?
        if case .tokens(let vocabulary) = configuration.task.input {
            tokens = StepTokens(vocabulary: vocabulary, nil)  // not folded: which would be a different sum
            tokens?.take(RowSet(rows: vocabulary), steps: 0)
        }
        let sums = covering.enumerated().map {
            GradientSums.node($1, first: rows.lowerBound, block: $0, adds: false)
        }
        _ = network.train(
            batch.part(sequences: rows, example.task), run.state,
            Workspace(for: configuration, keepsOutputs: false, stepTokens: tokens), dropoutSeed: example.seed,
            sums: GradientSums(sums)
        ) { _ in }
        for (block, node) in covering.enumerated() {
            nodes.append((node, gradients.numbers(block * stride..<block * stride + configuration.layout.count)))
        }
    }

    /// The gradients of the whole batch, from the nodes.
    var gradients: [Float] {
        var waiting: [[Float]] = []
        let all = nodes.last?.rows.upperBound ?? 0
        for (node, merges) in zip(nodes, SumTree.merges(of: nodes.map(\.rows), of: all)) {
            var sum = node.block
            for _ in 0..<merges { sum = zip(waiting.removeLast(), sum).map { $0 + $1 } }
            waiting.append(sum)
        }
        return waiting.first ?? []
    }
}

@Suite("Gradients summed along the tree")
struct TreeSumTests {
    /// With each kind of output layer and input; six sequences, so that parts have several nodes.
    private static let cases: [NetworkCase] = CellTable.all.flatMap { cell in
        [
            (TaskShape(input: .tokens(vocabulary: 7), output: .classes(23)), NetworkCase.Scoring.all, Float(0)),
            (TaskShape(input: .tokens(vocabulary: 40), output: .classes(40)), .subset, 0.4),
            (TaskShape(input: .features(3), output: .classes(5)), .lengths, 0),
            (TaskShape(input: .features(2), output: .values(2)), .last, 0),
        ].map { task, scoring, dropout in
            NetworkCase(
                cell: cell.name, seed: 31, layers: 2, hidden: 21, embedding: 10, window: 7, sequences: 6, task: task,
                scoring: scoring, dropout: dropout, bound: 0.4)
        }
    }

    @Test("any division of the sequences gives the same bits", arguments: cases)
    func divisions(_ example: NetworkCase) {
        expectSameBits(example, cutAt: [[1], [2], [3], [4], [5], [2, 4], [1, 4], [1, 2, 3, 4, 5]])
    }

    @Test("the sum equals the plain sum to 1e-5, with different bits", arguments: cases)
    func plainSum(_ example: NetworkCase) {
        let tree = TreeRun(example, cuts: [])
        let plain = FloatRun(example)
        _ = plain.step(example.batch)
        var differing = 0
        for tensor in example.configuration.layout.tensors {
            let sums = Array(tree.gradients[tensor.range])
            let plainSums = plain.gradients.numbers(tensor.range)
            #expect(relativeDistance(sums.map(Double.init), plainSums.map(Double.init)) < 1e-5, "\(tensor.name)")
            differing += zip(sums, plainSums).count { $0.bitPattern != $1.bitPattern }
        }
        #expect(differing > 0, "the order makes no difference, so the test proves nothing")
    }

    private static let cells = CellTable.all.map { $0.name }

    /// Both sums add the same products of a real pass, and both include the rounding errors of the products.
    @Test(
        "gradients summed along the tree are closer to the Double reference's than those of the plain sum",
        arguments: cells)
    func accuracy(cell: String) throws {
        let example = NetworkCase(
            cell: cell, seed: 5, layers: 1, hidden: 12, embedding: 1, window: 20, sequences: 48,
            task: TaskShape(input: .features(3), output: .classes(12)), scoring: .all, dropout: 0, bound: 0.3)
        let exact = example.plainRun(try #require(plainCells[cell])).gradients
        let tree = TreeRun(example, cuts: []).gradients
        let plain = FloatRun(example)
        _ = plain.step(example.batch)
        var (treeErrors, plainErrors) = (0.0, 0.0)
        for tensor in example.configuration.layout.tensors {
            let numbers = try #require(exact[tensor.name])
            treeErrors += relativeDistance(tree[tensor.range].map { Double($0) }, numbers)
            plainErrors += relativeDistance(plain.gradients.numbers(tensor.range).map { Double($0) }, numbers)
        }
        #expect(treeErrors > 0 && treeErrors < 0.8 * plainErrors, "\(cell): \(treeErrors) and \(plainErrors)")
    }
}
