import Foundation
import Recurrent
import Tensors
import Testing

@Suite("Conditional random field")
struct RandomFieldTests {
    private static func example(
        classes: Int, window: Int, sequences: Int, hidden: Int, transitions: LabelTransitions? = nil, seed: UInt64 = 21
    ) -> NetworkCase {
        NetworkCase(
            cell: "lstm", seed: seed, layers: 1, hidden: hidden, embedding: 3, window: window, sequences: sequences,
            task: TaskShape(
                input: .features(2), output: .classes(classes), loss: ConditionalRandomField.name,
                transitions: transitions), scoring: .lengths, dropout: 0, isBidirectional: true, bound: 0.9)
    }

    /// Few labels and many, one time step and several.
    static let cases = [
        example(classes: 3, window: 5, sequences: 4, hidden: 4),
        example(classes: 2, window: 1, sequences: 3, hidden: 5),
        example(classes: 40, window: 7, sequences: 6, hidden: 20),
        example(classes: 11, window: 30, sequences: 9, hidden: 3),
    ]

    @Test("the Double reference's gradient equals its central differences to 1e-6", arguments: [cases[0]])
    func tape(_ example: NetworkCase) throws { try expectCentralDifferences(example) }

    @Test("loss, gradients and state equal the reference's in log space to 1e-4", arguments: cases)
    func reference(_ example: NetworkCase) throws { try expectReference(example) }

    @Test("any division of the sequences gives the same bits", arguments: cases)
    func divisions(_ example: NetworkCase) {
        let count = example.batch.sequences
        expectSameBits(example, cutAt: [[1], [count / 2], Array(1..<count)])
    }

    /// The scores of a case's labels at its time steps, from a model with softmax: logarithms of probabilities differ from
    /// the layer's outputs by a constant of each time step, which changes neither the best path nor any likelihood.
    private func scores(_ example: NetworkCase) -> (run: FloatRun, [[[Double]]]) {
        let run = FloatRun(example)
        let plain = NetworkCase(
            cell: example.cellName, seed: example.seed, layers: 1, hidden: example.hiddenSize, embedding: 3,
            window: example.batch.window, sequences: example.batch.sequences,
            task: TaskShape(input: example.task.input, output: example.task.output), scoring: .lengths, dropout: 0,
            isBidirectional: true, bound: 0.9)
        let first = example.batch.firstStream
        var softmax = FloatRun(plain, streams: min(first, plain.batch.firstStream)..<200)
        softmax.state.set(example.state, firstStream: first)
        for tensor in plain.configuration.layout.tensors {
            let own = example.configuration.layout.tensors.first { $0.name == tensor.name }
            for (to, from) in zip(tensor.range, own?.range ?? 0..<0) {
                softmax.parameters.pointer[to] = run.parameters.pointer[from]
            }
        }
        softmax.parameters.markChanged()
        softmax.network.pack()
        _ = softmax.forward(example.batch)
        let outputs = softmax.workspace.scoredOutputs
        var scores = [[[Double]]](repeating: [], count: example.batch.sequences)
        for (index, row) in outputs.rows.enumerated() {
            scores[Int(row) % example.batch.sequences].append(outputs[index].map { log(Double($0)) })
        }
        return (run, scores)
    }

    /// All sequences of labels.
    private func paths(_ labels: Int, _ length: Int) -> [[Int]] {
        (0..<length).reduce([[]]) { paths, _ in paths.flatMap { path in (0..<labels).map { path + [$0] } } }
    }

    private func score(_ path: [Int], _ scores: [[Double]], _ run: FloatRun, _ allowed: LabelTransitions?) -> Double {
        if let allowed, !allowed.allow(path) { return -.infinity }
        func tensor(_ name: String) -> [Double] {
            guard let tensor = run.configuration.layout.tensors.first(where: { $0.name == name }) else { return [] }
            return tensor.range.map { Double(run.parameters.pointer[$0]) }
        }
        let (A, s, f) = (tensor("crf.transitions"), tensor("crf.start_transitions"), tensor("crf.end_transitions"))
        let K = s.count
        let steps = path.enumerated().reduce(0) { $0 + scores[$1.offset][$1.element] }
        return steps + s[path[0]] + f[path[path.count - 1]]
            + zip(path, path.dropFirst()).reduce(0) { $0 + A[$1.0 * K + $1.1] }
    }

    @Test("the loss counts all paths that are allowed, and the outputs are the best of them", arguments: [false, true])
    func enumeration(restricted: Bool) {
        // Label 1 may only follow label 0 or 1, and none may end with 2.
        let allowed = LabelTransitions(count: 3) { from, to in
            guard let to else { return from != 2 }
            return to != 1 || from == 0 || from == 1
        }
        let transitions = restricted ? allowed : nil
        for seed in UInt64(1)...6 {
            var example = Self.example(
                classes: 3, window: 4, sequences: 5, hidden: 4, transitions: transitions, seed: seed)
            if restricted { example = example.with(labels: [0, 1, 1, 0]) }
            let (run, scores) = scores(example)
            _ = run.forward(example.batch)
            let outputs = run.workspace.scoredOutputs
            for b in 0..<example.batch.sequences {
                let length = Int(example.batch.lengths[b])
                let truth = (0..<length).map { Int(example.batch.targets[$0 * example.batch.sequences + b]) }
                let all = paths(3, length).map { ($0, score($0, scores[b], run, transitions)) }
                let sum = log(all.reduce(0) { $0 + exp($1.1) })
                let loss = sum - score(truth, scores[b], run, transitions)
                #expect(abs(run.workspace.sequenceLosses[b] - loss) < 1e-4, "seed \(seed), sequence \(b)")
                let best = all.max { $0.1 < $1.1 }?.0
                let found = outputs.rows.indices.filter { Int(outputs.rows[$0]) % example.batch.sequences == b }
                    .map { index in outputs[index].firstIndex(of: 1) ?? -1 }
                #expect(found == best, "seed \(seed), sequence \(b)")
            }
        }
    }
}
