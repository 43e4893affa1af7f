import ConfigFile
import Sequences
import System
import Tensors
import TestSupport
import Testing

@Suite("Classification")
struct ClassificationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ name: String, _ lines: [String], labels: Bool = true) throws -> String {
        try folder.write("@classLabel \(labels)\n@data\n" + lines.joined(separator: "\n") + "\n", to: name)
        return folder.file(name)
    }

    private func load(
        _ keys: String, _ splits: Set<DataRequest.Split> = [.train, .validation, .test], artifacts: [Artifact]? = nil,
        test: String? = nil
    ) throws -> TaskData {
        var request = DataRequest(splits: splits, batch: 2, validationBatch: 3, seed: 1)
        request.artifacts = artifacts
        if let test {
            request.testFiles = [test]
            request.keepsOrder = true
        }
        return try TaskTable.load(taskConfiguration("task: classification\n" + keys), request)
    }

    @Test("batches hold the scaled values, padded, and each sequence's class at time step 0")
    func batches() throws {
        let train = try write("a.ts", ["1,3:b", "2:a", "2,2,2:b"])
        let data = try load("data: {train: \(train), scaling: none}\ntraining: {shuffle: false}")
        var source = try #require(data.training)
        #expect(source.stepsPerEpoch == 2 && [source.rows(inStep: 0), source.rows(inStep: 1)] == [2, 1])
        #expect(data.task.shape == TaskShape(input: .features(1), output: .classes(2), scores: .sequences))
        var batch = Batch()
        try source.read(0..<2, step: 0, epoch: 1, into: &batch)
        #expect(batch.window == 2 && batch.lengths == [2, 1])
        #expect(batch.features == [1, 2, 3, 0])
        #expect(batch.targets == [1, 0, Batch.unscored, Batch.unscored])
        try source.read(0..<1, step: 1, epoch: 1, into: &batch)
        #expect(batch.window == 3 && batch.features == [2, 2, 2] && batch.targets[0] == 1)
    }

    @Test("labels that are whole numbers are in their order, others in that of their bytes")
    func labels() throws {
        func names(_ labels: [String]) throws -> [String] {
            let task = try load("data: {train: \(try write("l.ts", labels.map { "1:\($0)" }))}", [.train]).task
            return Array(task.predictionColumns.dropFirst())
        }
        #expect(try names(["10", "9", "-1"]) == ["p_-1", "p_9", "p_10"])
        #expect(try names(["b", "10", "a", "b"]) == ["p_10", "p_a", "p_b"])
    }

    @Test("validation and test have the training data's labels and scaling, and so has a loaded model")
    func artifacts() throws {
        let train = try write("a.ts", ["1:a", "3:b"])
        let other = try write("b.ts", ["5:b", "1,1:a", "3:a"])
        let keys = "data: {train: \(train), validation: \(other), test: \(other), scaling: minmax}"
        let data = try load(keys)
        var batch = Batch()
        var validation = try #require(data.validation)
        try validation.read(0..<3, step: 0, epoch: 1, into: &batch)
        // In the order of the lengths.
        #expect(batch.features.prefix(3) == [2, 1, 0] && batch.targets.prefix(3) == [1, 0, 0])
        #expect(data.task.artifacts.map(\.name) == ["labels.json", "scaling.json"])
        try folder.remove("a.ts")
        let again = try load(keys, [.test], artifacts: data.task.artifacts)
        #expect(again.task.artifacts == data.task.artifacts && again.training == nil)
        var test = try #require(again.test)
        try test.read(0..<3, step: 0, epoch: 1, into: &batch)
        #expect(batch.features.prefix(3) == [2, 1, 0])
        // A file to predict keeps its order and needs no labels.
        let unlabelled = try load(
            keys, [.test], artifacts: data.task.artifacts,
            test: try write("c.ts", ["1,1", "5"], labels: false))
        var source = try #require(unlabelled.test)
        try source.read(0..<2, step: 0, epoch: 1, into: &batch)
        #expect(batch.features == [0, 2, 0, 0])
    }

    @Test("a validation fraction takes sequences away from the training")
    func fraction() throws {
        let train = try write("a.ts", (0..<20).map { "\($0):\($0 % 2)" })
        let data = try load("data: {train: \(train), validation_fraction: 0.3, scaling: none}")
        var values: [[Float]] = []
        for source in [data.training, data.validation] {
            var source = try #require(source)
            var all: [Float] = []
            for step in 0..<source.stepsPerEpoch {
                var batch = Batch()
                try source.read(0..<source.rows(inStep: step), step: step, epoch: 1, into: &batch)
                all += batch.features
            }
            values.append(all)
        }
        #expect(values.map(\.count) == [14, 6])
        #expect(
            errorText(in: folder) {
                _ = try load("data: {train: \(try write("few.ts", ["1:a", "2:b"])), validation_fraction: 0.3}")
            }
                == "few.ts: found 2 sequences; accepted: more, or a larger data.validation_fraction, which takes none of them"
        )
        // A label that only the held-out part has is one of the model's.
        let rare = try write("rare.ts", (0..<40).map { "\($0):\($0 == 17 ? "rare" : "often")" })
        for seed in UInt64(1)...8 {
            var request = DataRequest(splits: [.train, .validation], batch: 2, validationBatch: 3, seed: seed)
            request.artifacts = nil
            let keys = "task: classification\ndata: {train: \(rare), validation_fraction: 0.5}"
            #expect(try TaskTable.load(taskConfiguration(keys), request).task.shape.output == .classes(2))
        }
        #expect((values[0] + values[1]).sorted() == (0..<20).map { Float($0) })
    }

    @Test("accuracy and macro F1 follow from the confusion matrix")
    func metrics() throws {
        let task = try load("data: {train: \(try write("a.ts", ["1:a", "2:b", "3:c"]))}", [.train]).task
        var batch = Batch()
        batch.reshape(window: 1, sequences: 5, for: task.shape)
        batch.targets = [0, 0, 1, 1, 1]
        let answers = [0, 1, 1, 1, 2]
        let evaluation = Evaluation(task, batch) { row in (0..<3).map { $0 == answers[row] ? 0.6 : 0.2 } }
        #expect(evaluation.sums == [1, 1, 0, 0, 2, 1, 0, 0, 0])
        #expect(evaluation.errors == [0, 1, 0, 0, 1])
        let metrics = task.metrics(loss: 1, sums: evaluation.sums)
        #expect(metrics.map(\.name) == ["accuracy", "macro_f1"])
        // F1: a 2/3, b 2/3, c 0: it is predicted but never occurs.
        #expect(metrics[0].value == 0.6 && abs(metrics[1].value - 4.0 / 9) < 1e-12)
        let none = task.metrics(loss: 1, sums: [Double](repeating: 0, count: 9))
        #expect(none.map(\.value) == [0, 0])
    }

    @Test("a prediction has the likeliest label and each label's probability")
    func prediction() throws {
        let task = try load("data: {train: \(try write("a.ts", ["1:x,y", "2:b"]))}", [.train]).task
        #expect(task.predictionColumns == ["label", "p_b", "p_x,y"])
        var rows = PredictionRows()
        let values: [Float] = [0.25, 0.75]
        values.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            task.writePrediction(0, ScoredOutputs(rows: [0], values: start, width: 2), of: Batch(), to: &rows)
        }
        #expect(String(decoding: rows.bytes, as: UTF8.self) == "\"x,y\",0.25,0.75")
    }

    @Test("labels that are missing, unknown or too few, and other channels are errors with their place")
    func errors() throws {
        let train = try write("a.ts", ["1:a", "3:b"])
        func message(_ keys: String) -> String { errorText(in: folder) { _ = try load(keys) } }
        #expect(
            message("data: {train: \(try write("u.ts", ["1"], labels: false))}")
                == "u.ts, line 3: found a sequence without label; accepted: a label for each")
        #expect(
            message("data: {train: \(try write("o.ts", ["1:a", "2:a"]))}")
                == "o.ts: found 1 label in the training data; accepted: 2 to 1,000 different labels")
        #expect(
            message("data: {train: \(train), validation: \(try write("n.ts", ["1:a", "1:c"]))}")
                == "n.ts, line 4: found the label \"c\", which the training data lacks; accepted: its labels: a, b")
        #expect(
            message("data: {train: \(train), validation: \(try write("m.ts", ["1:1:a"]))}")
                == "m.ts, line 3: found 2 channels; accepted: 1, as in the training data")
        #expect(
            message("data: {train: \(try write("a.unknown", ["1:a"]))}")
                == "a.unknown: found a file name without the ending of a format; accepted: data.format, or an ending of .ts, .jsonl, .ndjson, .conll"
        )
        let source = "data: {train: \(folder.file("absent.ts")), source: ask Ada}"
        #expect(message(source).hasSuffix("; how to get it: ask Ada"))
        #expect(throws: MissingArtifact(name: "labels.json")) {
            _ = try load(
                "data: {train: \(train)}", [.train],
                artifacts: try load("data: {train: \(train)}").task.artifacts.filter { $0.name != "labels.json" })
        }
    }

    @Test("texts become tokens of the training data's vocabulary")
    func texts() throws {
        func lines(_ pairs: [(String, String)]) -> String {
            pairs.map { "{\"text\": \"\($0)\", \"label\": \"\($1)\"}\n" }.joined()
        }
        try folder.write(lines([("play the music", "a"), ("stop  the music now", "b"), ("the", "a")]), to: "a.jsonl")
        try folder.write(lines([("now play songs", "b")]), to: "b.jsonl")
        let keys = "data: {train: \(folder.file("a.jsonl")), validation: \(folder.file("b.jsonl")), vocabulary: 6}"
        let data = try load(keys + "\ntraining: {shuffle: false}")
        // <unk>, <eos>, the (3), music (2), now, play; stop is unknown.
        #expect(data.task.shape.input == .tokens(vocabulary: 6))
        #expect(data.vocabulary?.text(of: 2) == "the" && data.vocabulary?.text(of: 4) == "now")
        var batch = Batch()
        var source = try #require(data.training)
        try source.read(0..<2, step: 0, epoch: 1, into: &batch)
        #expect(batch.tokens == [5, 0, 2, 2, 3, 3, 0, 4] && batch.lengths == [3, 4])
        var validation = try #require(data.validation)
        try validation.read(0..<1, step: 0, epoch: 1, into: &batch)
        #expect(batch.tokens == [4, 5, 0] && batch.targets[0] == 1)
        let again = try load(keys, [.validation], artifacts: data.task.artifacts)
        #expect(
            again.vocabulary == data.vocabulary
                && data.task.artifacts.map(\.name) == ["labels.json", "vocabulary.json"])
        // Characters: one that the training data lacks is an error.
        #expect(
            errorText(in: folder) {
                _ = try load(
                    "data: {train: \(folder.file("a.jsonl")), validation: \(folder.file("b.jsonl")), tokenizer: character}"
                )
            }
                == "b.jsonl, line 1: found the character \"g\", which the training data lacks; accepted: the 16 characters of "
                + "the training data, or data.tokenizer: word or byte")
        // Words differ by their bytes, not by their characters.
        try folder.write(lines([("caf\u{E9} cafe\u{301}", "a"), ("x", "b")]), to: "u.jsonl")
        #expect(try load("data: {train: \(folder.file("u.jsonl"))}", [.train]).vocabulary?.count == 5)
        // A word of a vocabulary has no white space, but a token may.
        try folder.write(
            "{\"tokens\": [\"New York\", \"is\"], \"label\": 1}\n{\"text\": \"is\", \"label\": 2}\n", to: "t.jsonl")
        let spaced = try load("data: {train: \(folder.file("t.jsonl"))}", [.train])
        #expect(spaced.vocabulary?.text(of: 3) == "New_York")
        #expect(
            try load("data: {train: x.jsonl}", [], artifacts: spaced.task.artifacts).vocabulary == spaced.vocabulary)
        try folder.write("{\"values\": [1], \"label\": \"a\"}\n", to: "c.jsonl")
        #expect(
            errorText(in: folder) {
                _ = try load("data: {train: \(folder.file("a.jsonl")), validation: \(folder.file("c.jsonl"))}")
            } == "c.jsonl, line 1: found values; accepted: a text, as in the training data")
    }

    @Test(
        "a labels.json of another program is refused", arguments: ["{}", #"{"format_version":1,"labels":["a","a"]}"#])
    func files(text: String) {
        #expect(
            errorText { _ = try LabelSet(Artifact("labels.json", text, place: "x/labels.json")) }
                == "x/labels.json: found no list of 2 to 1,000 different labels of format_version 1; accepted: a "
                + "labels.json of a checkpoint")
    }
}
