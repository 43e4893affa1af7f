import ConfigFile
import Testing

@Suite("The nearest name")
struct NearestKeyTests {
    @Test(
        "edits are insertions, deletions, replacements and swaps",
        arguments: [
            ("", "", 0), ("", "abc", 3), ("batch", "bach", 1), ("hidden", "hidden", 0), ("kitten", "sitting", 3),
            ("modle", "model", 1), ("ca", "abc", 3),
        ])
    func distances(from: String, to: String, distance: Int) {
        #expect(editDistance(from, to) == distance)
        #expect(editDistance(to, from) == distance)
    }

    @Test("the nearest path is in the same section, or has the same name elsewhere")
    func paths() {
        let paths = ["model.hidden", "model.batch", "training.batch", "training.optimizer.learning_rate", "model"]
        #expect(nearestPath(to: "training.bacth", among: paths) == "training.batch")
        #expect(nearestPath(to: "validation.batch", among: paths) == "training.batch")
        #expect(nearestPath(to: "learning_rate", among: paths) == "training.optimizer.learning_rate")
        #expect(nearestPath(to: "training.learnig_rate", among: paths) == "training.optimizer.learning_rate")
        #expect(nearestPath(to: "training.units", among: paths) == nil)
        #expect(nearestPath(to: String(repeating: "x", count: 100_000), among: paths) == nil)
    }

    @Test("a short word is not near to distant words")
    func words() {
        #expect(nearestWord(to: "lsmt", among: ["rnn", "lstm", "gru"]) == "lstm")
        #expect(nearestWord(to: "cnn", among: ["rnn", "lstm", "gru"]) == "rnn")
        #expect(nearestWord(to: "x", among: ["rnn", "lstm", "gru"]) == nil)
        #expect(nearestWord(to: "language_model", among: ["reber", "language-model"]) == "language-model")
    }
}
