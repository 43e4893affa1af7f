/// The model that `bench step` and `bench scaling` measure without a configuration: a character model of medium size,
/// on random tokens.
package enum BenchmarkConfiguration {
    /// Its name in messages.
    package static let name = "the embedded benchmark"

    package static let yaml = """
        task: language-model
        data: {train: (random tokens), tokenizer: character}
        model: {cell: lstm, layers: 2, hidden: 256, embedding: 64}
        training: {batch: 64, window: 50, optimizer: {name: sgd, learning_rate: 0.1}}

        """
}
