// Texts and configurations that several tests use.

/// Synthetic sentences: the same number of words gives the same text.
func inventedText(words count: Int, seed: UInt64 = 1) -> String {
    let words = "the a of ocean river stone light and under over sings falls moves through small grey".split(
        separator: " ")
    var state = seed
    var text = ""
    for _ in 0..<count {
        state = (state * 16807) % 2_147_483_647
        text += words[Int(state % UInt64(words.count))]
        text += state % 11 == 0 ? ".\n" : " "
    }
    return text
}

/// A small character model on text.txt: 30 steps of 12 streams, no validation.
let smallConfig = """
    task: language-model
    data: {train: text.txt, tokenizer: character}
    model: {layers: 2, hidden: 13, embedding: 7}
    training: {batch: 12, window: 9, steps: 30, optimizer: {name: adam, learning_rate: 0.01}}
    validation: {every_epochs: 0}
    logging: {every_steps: 1}

    """

/// A character model on text.txt without validation, with these values and more lines.
func characterConfig(hidden: Int, embedding: Int, training: String, _ lines: String...) -> String {
    """
    task: language-model
    data: {train: text.txt, tokenizer: character}
    model: {hidden: \(hidden), embedding: \(embedding)}
    training: {\(training)}
    validation: {every_epochs: 0}

    """ + lines.map { $0 + "\n" }.joined()
}

extension TestFolder {
    /// A folder with a text of 2,000 words and `small.yaml`, which trains on it.
    static func withText(_ config: String = smallConfig, onDisk: Bool = false) throws -> TestFolder {
        try TestFolder(onDisk: onDisk).write(inventedText(words: 2000), to: "text.txt").write(
            config, to: "small.yaml")
    }
}
