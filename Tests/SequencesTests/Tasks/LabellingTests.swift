import ConfigFile
import Sequences
import System
import Tensors
import TestSupport
import Testing

@Suite("Labelling")
struct LabellingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func load(_ text: String, _ keys: String = "", name: String = "a.conll") throws -> TaskData {
        try folder.write(text, to: name)
        let yaml = "task: labelling\ndata: {train: \(folder.file(name))\(keys)}\ntraining: {shuffle: false}"
        return try TaskTable.load(
            taskConfiguration(yaml), DataRequest(splits: [.train, .validation], batch: 2, validationBatch: 2, seed: 1))
    }

    @Test("each token has its class at its time step, padding none")
    func batches() throws {
        let data = try load("a\tX\nb\tY\n\nb\tX\n\n")
        #expect(
            data.task.shape
                == TaskShape(input: .tokens(vocabulary: 4), output: .classes(2), loss: "softmax cross-entropy"))
        var batch = Batch()
        var source = try #require(data.training)
        try source.read(0..<2, step: 0, epoch: 1, into: &batch)
        // <unk>, <eos>, b, a.
        #expect(batch.tokens == [3, 2, 2, 0] && batch.lengths == [2, 1])
        #expect(batch.targets == [0, 0, 1, Batch.unscored])
    }

    @Test("series have a label for each time step, and another number of labels is an error")
    func series() throws {
        let data = try load("{\"values\": [1, 2], \"labels\": [0, 1]}\n", name: "a.jsonl")
        #expect(data.task.shape == TaskShape(input: .features(1), output: .classes(2), loss: "softmax cross-entropy"))
        #expect(
            errorText(in: folder) { _ = try load("{\"values\": [1, 2], \"labels\": [0, 1, 0]}\n", name: "b.jsonl") }
                == "b.jsonl, line 1: found 3 labels for 2 time steps; accepted: a label for each")
        #expect(
            errorText(in: folder) { _ = try load("{\"values\": [1, 2], \"label\": 0}\n", name: "c.jsonl") }
                == "c.jsonl, line 1: found a sequence without labels of its time steps; accepted: a label for each")
    }

    @Test("a conditional random field forbids what the notation forbids, unless the training data does it")
    func head() throws {
        let crf = "}\nmodel: {head: crf"
        let strict = try load("a\tB-x\nb\tI-x\nc\tO\n", crf).task.shape
        #expect(strict.loss == "conditional random field" && strict.transitions?.allows(2, 1) == false)
        #expect(try load("a\tB-x\nb\tI-x\nc\tO\n").task.shape.transitions == nil)
        let free = try load("a\tI-x\nb\tB-x\nc\tO\n", crf)
        #expect(free.task.shape.loss == "conditional random field" && free.task.shape.transitions == nil)
        #expect(try load("a\tNN\nb\tVB\n", crf).task.shape.transitions == nil)
    }

    @Test("accuracy counts labels; with labels of spans their F1 comes first")
    func metrics() throws {
        let plain = try load("a\tX\nb\tY\n").task
        #expect(plain.metricNames == ["accuracy"] && plain.bestMetrics == [.accuracy, .loss])
        let task = try load("a\tB-x\nb\tI-x\nc\tO\n", name: "s.conll").task
        #expect(task.metricNames == ["span_f1", "accuracy"] && task.bestMetrics == [.spanF1, .accuracy, .loss])
        // Labels in order: B-x, I-x, O. Two sequences: B I O and B O -.
        var batch = Batch()
        batch.reshape(window: 3, sequences: 2, for: task.shape)
        batch.targets = [0, 0, 1, 2, 2, Batch.unscored]
        batch.lengths = [3, 2]
        let places = [0, 2, 4, 1, 3]
        let answers = [0, 1, 2, 2, 0]
        let values = answers.flatMap { answer in (0..<3).map { $0 == answer ? Float(0.8) : 0.1 } }
        var sums = [Double](repeating: 0, count: task.sumCount)
        var errors: [Float] = [0, 0]
        values.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            task.judge(
                batch, ScoredOutputs(rows: places.map { Int32($0) }, values: start, width: 3), sums: &sums,
                sequenceErrors: &errors)
        }
        #expect(sums == [3, 5, 1, 2, 2] && errors == [0, 1])
        let metrics = task.metrics(loss: 1, sums: sums)
        #expect(metrics.map(\.value) == [0.5, 0.6])
    }
}

/// The rules of conlleval, on cases made by hand.
@Suite("Spans")
struct SpanTests {
    private func counts(_ truth: String, _ predicted: String) throws -> [Int] {
        let (a, b) = (truth.split(separator: " ").map(String.init), predicted.split(separator: " ").map(String.init))
        let names = Array(Set(a + b + ["B-x", "O"])).sorted()
        let spans = try #require(SpanLabels(names))
        func indices(_ labels: [String]) -> [Int] { labels.map { names.firstIndex(of: $0) ?? 0 } }
        let found = spans.counts(true: indices(a), predicted: indices(b))
        return [found.correct, found.predicted, found.true]
    }

    @Test(
        "correct, predicted and true spans",
        arguments: [
            ("B-x I-x O B-y", "B-x I-x O B-y", [2, 2, 2]),
            ("B-x I-x O", "B-x O O", [0, 1, 1]),
            ("B-x O O", "B-x I-x O", [0, 1, 1]),
            // Another type.
            ("B-x I-x", "B-y I-y", [0, 1, 1]),
            // A change of type inside begins a span.
            ("B-x I-y", "B-x I-y", [2, 2, 2]),
            // I after O begins a span, as in IOB1.
            ("O I-x I-x", "O B-x I-x", [1, 1, 1]),
            // Two spans side by side are not one.
            ("B-x B-x", "B-x I-x", [0, 1, 2]),
            ("B-x I-x B-x", "B-x I-x I-x", [0, 1, 2]),
            // BIOES.
            ("B-x E-x S-y O", "B-x E-x S-y O", [2, 2, 2]),
            ("S-x S-x", "B-x E-x", [0, 1, 2]),
            ("B-x I-x E-x", "I-x I-x E-x", [1, 1, 1]),
            ("O E-x", "O S-x", [1, 1, 1]),
            // A span that goes on to the end.
            ("O O B-x", "O O B-x", [1, 1, 1]),
            ("O O O", "O B-x O", [0, 1, 0]),
        ])
    func rules(truth: String, predicted: String, expected: [Int]) throws {
        #expect(try counts(truth, predicted) == expected)
    }

    @Test("the notation's rules say which labels may follow each other")
    func transitions() throws {
        // BIO.
        let bio = try #require(SpanLabels(["B-x", "B-y", "I-x", "I-y", "O"])?.transitions)
        #expect(bio.allow([0, 2, 2, 4, 1]) && bio.allow([0, 1, 3]) && bio.allow([4]) && bio.allow([Int]()))
        #expect(!bio.allow([2]) && !bio.allow([4, 2]) && !bio.allow([0, 3]) && !bio.allow([1, 3, 2]))
        // BIOES.
        let bioes = try #require(SpanLabels(["B-x", "E-x", "I-x", "O", "S-x"])?.transitions)
        #expect(bioes.allow([0, 2, 1, 3, 4, 0, 1]) && bioes.allow([4, 4]))
        #expect(!bioes.allow([0]) && !bioes.allow([0, 3]) && !bioes.allow([4, 1]) && !bioes.allow([0, 0, 1]))
        #expect(!bioes.allow([0, 2]) && !bioes.allow([1]))
    }

    @Test("other labels are not of spans")
    func kinds() {
        #expect(SpanLabels(["NOUN", "VERB"]) == nil && SpanLabels(["O"]) == nil && SpanLabels(["B-", "O"]) == nil)
        #expect(SpanLabels(["O", "B-x"]) != nil)
    }
}
