import ConfigFile
import FileFormats
import Sequences
import System
import Tensors
import Training

extension Samples {
    @Sendable static func series(_ folder: String) -> FuzzReader.Mutations {
        { random in
            var text = random.pick(["", "# a comment\n", "\u{FEFF}"])
            for _ in 0..<random.below(4) { text += random.pick(headers) + "\n" }
            text += "@classLabel true a b\n@data\n"
            let channels = 1 + random.below(3)
            for _ in 0..<random.below(12) {
                let length = 1 + random.below(4)
                for _ in 0..<channels {
                    text += (0..<length).map { _ in random.pick(numbers) }.joined(separator: ",") + ":"
                }
                text += random.pick(["a\n", "b\n", "b\r\n", " c \n"])
            }
            var bytes = Array(text.utf8)
            for _ in 0..<random.below(4) { words.mutate(&bytes, &random) }
            return bytes
        }
    }

    private static let headers = [
        "@problemName x", "@timeStamps false", "@timeStamps true", "@univariate true", "@dimensions 2",
        "@equalLength true", "@seriesLength 3", "@missing false", "@classLabel false", "@targetLabel true",
    ]
    private static let numbers = ["1", "-0.5", "3e4", "?", "NaN", "0", "1e38", "-1e38", "0.1234567", "1e-40"]
    private static let words = ByteMutator(words: [
        ":", ",", "\n", "?", "NaN", "inf", "1e39", "@data\n", "#", "@", " ", "0x1",
    ])

    @Sendable static func jsonLines(_ folder: String) -> FuzzReader.Mutations {
        let series: [JSONValue] = (1...8).map { number in
            [
                "values": .array((0..<1 + number % 3).map { .array([.integer(number * $0), .null]) }),
                "label": .integer(number % 2),
            ]
        }
        let texts: [JSONValue] = (1...8).map { number in
            ["text": .string("the river \(number) sings"), "label": .string(number % 2 == 0 ? "a" : "b")]
        }
        let tokens: [JSONValue] = [
            ["tokens": ["New York", "é", "a"], "label": true], ["tokens": ["a"], "label": false],
            ["tokens": ["b", "a"], "label": true], ["tokens": ["c"], "label": false],
        ]
        return { random in JSONMutations.mutatedLines(random.pick([series, texts, tokens]), &random) }
    }

    @Sendable static func tokens(_ folder: String) -> FuzzReader.Mutations {
        { random in
            var text = random.pick(["", "-DOCSTART- -X- O\n\n", "# a comment\n", "\u{FEFF}"])
            for _ in 0..<random.below(30) {
                text +=
                    random.pick(["the", "Rome", "#", "é", "a b", "<unk>"]) + random.pick(["\t", "\t", " ", "\t_\t"])
                    + random.pick(["O", "B-x", "I-x", "S-y", "E-y"]) + random.pick(["\n", "\n", "\n\n", "\r\n"])
            }
            var bytes = Array((text + "the\tO\nRome\tB-x\n").utf8)
            for _ in 0..<random.below(4) { tokenWords.mutate(&bytes, &random) }
            return bytes
        }
    }

    private static let tokenWords = ByteMutator(words: ["\t", "\n", "\n\n", " ", "O", "B-", "-DOCSTART-", "#", "\0"])

    @Sendable static func gzip(_ folder: String) -> FuzzReader.Mutations { { mutated(compressedText.gzip, &$0) } }
    @Sendable static func zstd(_ folder: String) -> FuzzReader.Mutations { { mutated(compressedText.zstd, &$0) } }

    private static func mutated(_ sample: [UInt8], _ random: inout FuzzRandom) -> [UInt8] {
        var bytes = random.once(in: 4) ? sample + sample : sample
        for _ in 0..<random.below(3) { anyBytes.mutate(&bytes, &random) }
        return bytes
    }

    private static let anyBytes = ByteMutator(words: ["\u{1F}", "(", "\0\0\0\0"])

    /// 30 lines "the river sings".
    private static let compressedText: (gzip: [UInt8], zstd: [UInt8]) = (
        [
            0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x2B, 0xC9, 0x48, 0x55, 0x28, 0xCA, 0x2C, 0x4B,
            0x2D, 0x52, 0x28, 0xCE, 0xCC, 0x4B, 0x2F, 0xE6, 0x2A, 0x19, 0xE5, 0x0F, 0x2B, 0x3E, 0x00, 0xEB, 0xA9, 0x2A,
            0x8D, 0xE0, 0x01, 0x00, 0x00,
        ],
        [
            0x28, 0xB5, 0x2F, 0xFD, 0x60, 0xE0, 0x00, 0xBD, 0x00, 0x00, 0x80, 0x74, 0x68, 0x65, 0x20, 0x72, 0x69, 0x76,
            0x65, 0x72, 0x20, 0x73, 0x69, 0x6E, 0x67, 0x73, 0x0A, 0x01, 0x00, 0x9A, 0x47, 0x9D, 0x4B,
        ]
    )

    @Sendable static func labels(_ folder: String) -> FuzzReader.Mutations {
        { random in JSONMutations.mutated(["format_version": 1, "labels": ["no", "yes", "ä"]], &random) }
    }

    @Sendable static func scaling(_ folder: String) -> FuzzReader.Mutations {
        let sample: JSONValue = [
            "format_version": 1, "missing": "indicator",
            "channels": [
                ["offset": 1.5, "factor": 2, "mean": 1, "indicator": 2],
                ["offset": 0, "factor": 1e-3, "mean": -1, "indicator": .null],
            ],
        ]
        return { random in JSONMutations.mutated(sample, &random) }
    }
}

extension Readings {
    /// Classifies the file's sequences, a part of them held out.
    @Sendable static func sequences(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        try load("classification", place, &random)
    }

    /// Labels the file's tokens.
    @Sendable static func labelled(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        try load("labelling", place, &random)
    }

    private static func load(
        _ task: String, _ place: FuzzReader.Place, _ random: inout FuzzRandom
    ) throws -> String {
        let missing = random.pick(["refuse", "mean", "carry", "indicator"])
        let keys = [
            "data: {train: '\(place.path)', validation_fraction: 0.5, missing: \(missing), tokenizer: \(random.pick(["word", "byte", "character"]))}",
            "training: {batch: 3}",
        ]
        let configuration = try Configuration(
            yaml: "task: \(task)\n" + keys.joined(separator: "\n"), file: "fuzz.yaml",
            table: ConfigurationTable.all)
        let request = DataRequest(splits: [.train, .validation], batch: 3, validationBatch: 2, seed: 1)
        let data = try TaskTable.load(configuration, request)
        // A model of this task reads the same file.
        var again = request
        again.artifacts = data.task.artifacts
        let loaded = try TaskTable.load(configuration, again)
        guard loaded.task.shape == data.task.shape, loaded.task.artifacts == data.task.artifacts else {
            throw Contradiction(description: "the artifacts are not read back equal")
        }
        for source in [data.training, data.validation, loaded.training] {
            guard var source else { continue }
            try check(&source, data.task.shape)
        }
        return "\(data.task.shape)"
    }

    private static func check(_ source: inout any SequenceSource, _ shape: TaskShape) throws {
        var batch = Batch()
        for step in 0..<source.stepsPerEpoch {
            try source.read(0..<source.rows(inStep: step), step: step, epoch: 1, into: &batch)
            guard batch.lengths.allSatisfy({ 1...batch.window ~= Int($0) }), batch.features.allSatisfy(\.isFinite),
                batch.targets[..<batch.sequences].allSatisfy({ 0..<shape.output.width ~= Int($0) }),
                batch.targets.allSatisfy({ -1..<shape.output.width ~= Int($0) })
            else { throw Contradiction(description: "a batch has a length, a value or a class out of range") }
        }
    }

    @Sendable static func labels(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        let labels = try LabelSet(artifact(place))
        guard try LabelSet(labels.artifact) == labels else {
            throw Contradiction(description: "labels that are written are not read back equal")
        }
        return "\(labels.names.count) labels"
    }

    @Sendable static func scaling(_ place: FuzzReader.Place, _ random: inout FuzzRandom) throws -> String {
        let features = try SeriesFeatures(artifact(place))
        guard try SeriesFeatures(features.artifact) == features else {
            throw Contradiction(description: "features that are written are not read back equal")
        }
        return "\(features.width) features"
    }

    private static func artifact(_ place: FuzzReader.Place) throws -> Artifact {
        Artifact(
            "file.json", String(decoding: try OpenFile.reading(place.path).text(), as: UTF8.self), place: place.path)
    }
}
