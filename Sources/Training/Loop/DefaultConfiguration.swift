/// What `lstm-dist` trains when it is told nothing: the same text as configs/reber.yaml (a test compares them).
package enum DefaultConfiguration {
    /// Its name in messages.
    package static let name = "the embedded default"

    package static let yaml = """
        # The embedded Reber grammar (Hochreiter & Schmidhuber 1997, section 5.1): predict each next symbol; the last but one
        # repeats the second. What `lstm-dist` trains without a configuration.
        # To expect: solved (every legal symbol ranks first, on all of 1,000 strings) after 1,000 to 3,000 sequences, in a
        # few seconds. The paper's LSTM needed 8,440 sequences on average, by its own criterion.
        task: reber
        model:
          cell: lstm
          hidden: 32
          init: {forget_bias: 1.0}
        training:
          batch: 4
          epochs: 10
          optimizer: {name: adam, learning_rate: 0.01}
          clip_norm: 1.0
        validation: {every_steps: 25, batch: 250}
        logging: {every_steps: 25}
        checkpoint: {every_steps: 250}

        """
}
