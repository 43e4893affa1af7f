package import ConfigFile

extension TaskTable {
    /// A configuration's task with training data that needs no files, for measurements: for a text task, the same
    /// number of random tokens per step as in training; for a generated task, its sequences. Series are read from their
    /// files.
    ///
    /// - Parameters:
    ///   - request: the batch and the seed; splits are ignored.
    ///   - skew: 1: tokens are uniform; more: small tokens are more frequent.
    package static func loadForBenchmark(
        _ configuration: Configuration, _ request: DataRequest, skew: Int = 1
    ) throws -> TaskData {
        var request = request
        request.splits = [.train]
        guard DataKind.text.condition.values.contains(configuration.text("task")) else {
            return try load(configuration, request)
        }
        let vocabulary = vocabularySize(configuration, request)
        var data = TaskData(task: LanguageModel(vocabularySize: vocabulary))
        data.training = RandomTokens(
            vocabulary: vocabulary, streams: request.batch, window: configuration.integer("training.window"),
            skew: skew)
        return data
    }

    /// The vocabulary size of the data if it can be read; else that of a typical text: 256 bytes, 65 characters,
    /// `data.vocabulary` words.
    private static func vocabularySize(_ configuration: Configuration, _ request: DataRequest) -> Int {
        var request = request
        request.splits = []
        if let data = try? load(configuration, request), let vocabulary = data.vocabulary { return vocabulary.count }
        switch configuration.text("data.tokenizer") {
        case TokenizerKind.byte.rawValue: return 256
        case TokenizerKind.character.rawValue: return 65
        default:
            guard case .integer(let size)? = configuration.value("data.vocabulary") else { return 10000 }
            return size
        }
    }
}
