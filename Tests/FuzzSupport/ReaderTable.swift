import ConfigFile
import FileFormats
import RunFolder
import Sequences
import System
import Tensors
import Training

extension FuzzReader {
    /// All readers of the program. A new reader is a line here.
    package static let all: [FuzzReader] = [
        FuzzReader(
            "safetensors", file: "model.safetensors", fullCount: 100_000, begin: Samples.safetensors,
            read: Readings.safetensors),
        FuzzReader("weights", file: "weights.safetensors", begin: Samples.weights, read: Readings.weights),
        FuzzReader(
            "state", file: "\(Samples.checkpoint)/state.json", subject: Samples.checkpoint, begin: Samples.state,
            read: Readings.state),
        FuzzReader(
            "vocabulary", file: "\(Samples.checkpoint)/vocabulary.json", begin: Samples.vocabulary,
            read: Readings.vocabulary),
        FuzzReader("outcome", file: "outcome.json", begin: Samples.outcome, read: Readings.outcome),
        FuzzReader("failure", file: "failure.json", begin: Samples.failure, read: Readings.failure),
        FuzzReader("note", file: "ranks/rank-00001.json", begin: Samples.note, read: Readings.note),
        FuzzReader("metrics", file: "metrics.jsonl", begin: Samples.metrics, read: Readings.metrics),
        FuzzReader("lock", file: "lock", begin: Samples.lock, read: Readings.lock),
        FuzzReader("config", file: "config.yaml", begin: Samples.config, read: Readings.config),
        FuzzReader("text-byte", file: "text.txt", begin: Samples.text, read: Readings.text(.byte)),
        FuzzReader("text-character", file: "text.txt", begin: Samples.text, read: Readings.text(.character)),
        FuzzReader("ts", file: "series.ts", begin: Samples.series, read: Readings.sequences),
        FuzzReader("jsonl", file: "series.jsonl", begin: Samples.jsonLines, read: Readings.sequences),
        FuzzReader("gzip", file: "text.txt.gz", begin: Samples.gzip, read: Readings.text(.byte)),
        FuzzReader("zstd", file: "text.txt.zst", begin: Samples.zstd, read: Readings.text(.byte)),
        FuzzReader("conll", file: "tokens.conll", begin: Samples.tokens, read: Readings.labelled),
        FuzzReader("labels", file: "labels.json", begin: Samples.labels, read: Readings.labels),
        FuzzReader("scaling", file: "scaling.json", begin: Samples.scaling, read: Readings.scaling),
        FuzzReader("text-word", file: "text.txt", begin: Samples.text, read: Readings.text(.word)),
    ]
}

/// The contents of the readers' folders, and the files to mutate.
enum Samples {
    static let checkpoint = "checkpoints/step-00000500"

    @Sendable static func safetensors(_ folder: String) -> FuzzReader.Mutations {
        { random in SafetensorsParts.mutated(SafetensorsParts(&random), &random) }
    }

    /// The tensors of a small layer.
    static let layout = TensorLayout([
        ("rnn.weight_hh_l0", [8, 2]), ("rnn.bias_hh_l0", [8]), ("output.weight", [3, 2]), ("output.bias", [3]),
    ])

    @Sendable static func weights(_ folder: String) -> FuzzReader.Mutations {
        let shapes = layout.tensors.map { (name: $0.name, shape: $0.shape) }
        return { random in SafetensorsParts.mutated(SafetensorsParts(shapes, &random), &random) }
    }

    @Sendable static func state(_ folder: String) throws -> FuzzReader.Mutations {
        try writeCheckpoint(in: folder)
        let text = try OpenFile.reading("\(folder)/\(checkpoint)/state.json").text()
        let sample = try JSONValue(parsing: String(decoding: text, as: UTF8.self))
        // Format 1, because later formats have a digest of the file, which would refuse nearly every mutation.
        let members = (sample.members ?? []).map { $0.key == "format_version" ? ($0.key, .integer(1)) : $0 }
        let first = JSONValue.object(members)
        return { random in JSONMutations.mutated(random.once(in: 8) ? sample : first, &random) }
    }

    @Sendable static func vocabulary(_ folder: String) throws -> FuzzReader.Mutations {
        try writeCheckpoint(in: folder)
        let samples: [JSONValue] = [
            ["format_version": 1, "tokenizer": "byte"],
            ["format_version": 1, "tokenizer": "character", "tokens": ["\n", " ", "a", "b", "\u{E9}", "\u{1F600}"]],
            ["format_version": 1, "tokenizer": "word", "tokens": ["<unk>", "<eos>", "the", "a", "of", "e\u{301}"]],
        ]
        return { random in JSONMutations.mutated(random.pick(samples), &random) }
    }

    private static func writeCheckpoint(in folder: String) throws {
        let run = RunDirectory(path: folder)
        try run.prepare()
        let config = YAMLMutations.samples[0]
        let numbers: [Float] = [0.1, -0.0, 3]
        try numbers.withUnsafeBufferPointer { numbers in
            let tensors = [SafetensorsTensor(name: "output.bias", shape: [3], data: numbers)]
            _ = try CheckpointWriter(run: run).write(
                CheckpointContents(
                    model: tensors, training: tensors, artifacts: [Artifact("vocabulary.json", Vocabulary.bytes.json)],
                    state: CheckpointState(
                        programVersion: "0.1.0", step: 500, epoch: 3, position: 7, seed: 1, config: config,
                        extra: [
                            "sequences": 12, "plateau_best": .null, "plateau_validations_since": 1,
                            "plateau_factor": 0.5,
                            "best_validation_loss": 1.5, "validations_since_best": 2, "ending": .null, "ranks": 2,
                            "data": ["train": [["bytes": 100, "sha256": "00"]]],
                        ])))
        }
    }

    @Sendable static func lock(_ folder: String) throws -> FuzzReader.Mutations {
        try RunDirectory(path: folder).prepare()
        let sample: JSONValue = ["host": "node1", "process": 1, "job": "77", "started": "123", "machine": "elsewhere"]
        return { random in JSONMutations.mutated(sample, &random) }
    }

    @Sendable static func outcome(_ folder: String) throws -> FuzzReader.Mutations {
        try RunDirectory(path: folder).prepare()
        let sample: JSONValue = [
            "state": "stopped", "step": 500, "reason": "a file asked for it",
            "next": "mpirun -n 2 lstm-dist train a.yaml",
        ]
        return { random in JSONMutations.mutated(sample, &random) }
    }

    @Sendable static func failure(_ folder: String) throws -> FuzzReader.Mutations {
        try RunDirectory(path: folder).prepare()
        let sample: JSONValue = [
            "rank": 2, "host": "node7", "step": 12, "phase": "training", "cause": "it broke",
            "time": "2025-01-01T00:00:00Z",
        ]
        return { random in JSONMutations.mutated(sample, &random) }
    }

    @Sendable static func note(_ folder: String) throws -> FuzzReader.Mutations {
        let run = RunDirectory(path: folder)
        try run.prepare()
        try run.write(
            note: RankNote(
                rank: 1, host: "node7", phase: "training", step: 12, calls: 345, waitingIn: nil, seconds: 1, beat: 6,
                asks: false))
        let samples = [JSONValue.null, "MPI_Allreduce"].map { call -> JSONValue in
            [
                "rank": 1, "host": "node7", "phase": "training", "step": 12, "calls": 345, "waiting_in": call,
                "seconds": 151.5, "beat": 6, "asks": .boolean(call != .null),
            ]
        }
        return { random in JSONMutations.mutated(random.pick(samples), &random) }
    }

    @Sendable static func metrics(_ folder: String) throws -> FuzzReader.Mutations {
        try RunDirectory(path: folder).prepare()
        let lines: [JSONValue] = (1...12).map { step in
            let split: JSONValue = step == 12 ? "test" : step % 4 == 0 ? "validation" : "train"
            return [
                "split": split, "step": .integer(step), "epoch": 1, "loss": .float(1 / Float(step)),
                "tokens_per_second": 1234.5,
            ]
        }
        return { random in JSONMutations.mutatedLines(lines, &random) }
    }

    @Sendable static func config(_ folder: String) -> FuzzReader.Mutations { { YAMLMutations.mutated(&$0) } }

    @Sendable static func text(_ folder: String) -> FuzzReader.Mutations { { TextMutations.mutated(&$0) } }
}
