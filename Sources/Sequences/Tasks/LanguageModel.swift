package import ConfigFile
import Glibc
package import System
package import Tensors

/// Prediction of the next token of a text.
package struct LanguageModel: SequenceTask {
    package static let name = "language-model"
    package static let mayReadTokens = true
    package static let predictsTokens = true
    package let shape: TaskShape
    /// nil for random tokens.
    private let vocabulary: Vocabulary?

    package var artifacts: [Artifact] { vocabulary.map { [$0.artifact] } ?? [] }

    /// A language model with `vocabularySize` meaningless tokens.
    package init(vocabularySize: Int) { self.init(size: vocabularySize, nil) }

    private init(size: Int, _ vocabulary: Vocabulary?) {
        shape = TaskShape(input: .tokens(vocabulary: size), output: .classes(size))
        self.vocabulary = vocabulary
    }

    package static let reads = DataKind.text

    package static func load(_ configuration: Configuration, _ request: DataRequest) throws -> TaskData {
        try MissingData.explained(by: configuration) { try open(configuration, request) }
    }

    private static func open(_ configuration: Configuration, _ request: DataRequest) throws -> TaskData {
        let window = configuration.integer("training.window")
        var opened: [String: TokenText] = [:]
        var files: [(split: String, paths: [String])] = []

        func trainingFiles() throws -> TextFiles {
            try TextFiles(patterns: configuration.texts("data.train"), place: configuration.place("data.train"))
        }
        let vocabulary = try request.artifacts.map(vocabulary) ?? makeVocabulary(configuration, trainingFiles)
        var data = TaskData(task: LanguageModel(size: vocabulary.count, vocabulary))
        data.vocabulary = vocabulary

        func text(of key: String, _ given: [String]? = nil) throws -> TokenText {
            if let text = opened[key] { return text }
            let place = given == nil ? configuration.place(key) : request.testOption
            let text = try TokenText(
                TextFiles(patterns: given ?? configuration.texts(key), place: place), vocabulary: vocabulary)
            opened[key] = text
            return text
        }
        func streams(
            _ text: TokenText, _ range: Range<Int>, batch: Int, batchKey: String, keepsShortWindow: Bool
        ) throws -> TextStreams {
            let fits = request.fitsStreams ? min(batch, max(1, range.count / TextStreams.shortestStream)) : batch
            return try TextStreams(
                text, range, batch: fits, window: window, keepsShortWindow: keepsShortWindow, batchKey: batchKey)
        }

        let fraction =
            configuration.has("data.validation_fraction") ? configuration.number("data.validation_fraction") : 0
        if request.splits.contains(.train) {
            let text = try text(of: "data.train")
            let kept = text.count - Int(Double(text.count) * fraction)
            data.training = try streams(
                text, 0..<kept, batch: request.batch, batchKey: "training.batch", keepsShortWindow: false)
            files.append(("train", text.files.paths))
        }
        if request.splits.contains(.validation) {
            if configuration.has("data.validation") {
                let text = try text(of: "data.validation")
                data.validation = try streams(
                    text, 0..<text.count, batch: request.validationBatch, batchKey: "validation.batch",
                    keepsShortWindow: true)
                files.append(("validation", text.files.paths))
            } else if fraction > 0 {
                let text = try text(of: "data.train")
                let kept = text.count - Int(Double(text.count) * fraction)
                data.validation = try streams(
                    text, kept..<text.count, batch: request.validationBatch, batchKey: "validation.batch",
                    keepsShortWindow: true)
                if !request.splits.contains(.train) { files.append(("train", text.files.paths)) }
            }
        }
        if request.splits.contains(.test), request.testFiles != nil || configuration.has("data.test") {
            let text = try text(of: "data.test", request.testFiles)
            data.test = try streams(
                text, 0..<text.count, batch: request.validationBatch, batchKey: "validation.batch",
                keepsShortWindow: true)
            files.append(("test", text.files.paths))
        }
        data.files = files
        return data
    }

    private static func vocabulary(in artifacts: [Artifact]) throws -> Vocabulary {
        guard let artifact = artifacts.named(Vocabulary.artifactName) else {
            throw MissingArtifact(name: Vocabulary.artifactName)
        }
        return try Vocabulary(artifact)
    }

    private static func makeVocabulary(
        _ configuration: Configuration, _ files: () throws -> TextFiles
    ) throws -> Vocabulary {
        let (kind, size) = TokenData.choice(configuration)
        switch kind {
        case .byte: return .bytes
        case .word: return try .ofWords(in: files(), size: size)
        case .character: return try .ofCharacters(in: files())
        }
    }

    package let predictionColumns = ["token", "probability", "likeliest"]

    package func writePrediction(
        _ index: Int, _ outputs: ScoredOutputs, of batch: Batch, to rows: inout PredictionRows
    ) {
        func spelling(_ token: Int) -> String { vocabulary?.spelling(of: token) ?? "\(token)" }
        let target = Int(batch.targets[Int(outputs.rows[index])])
        rows.add(spelling(target))
        rows.add(outputs[index][target])
        rows.add(spelling(outputs[index].likeliest))
    }

    package func metrics(loss: Double, sums: [Double]) -> [(name: String, value: Double)] {
        [("perplexity", exp(loss)), ("bits_per_token", loss / M_LN2)]
    }
}
