// Training learns, and stops by patience.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension LaunchTests {
    @Suite("learning")
    struct LearningTests {
        /// Sixteen equally probable words: log 16 = 2.77 nats per word, 0.5 per character; guessing a character costs
        /// 2.9.
        @Test("a character model learns synthetic sentences on two ranks, with dropout and a decreasing learning rate")
        func learns() async throws {
            let folder = try TestFolder().write(inventedText(words: 8000), to: "text.txt").write(
                """
                task: language-model
                data: {train: text.txt, validation_fraction: 0.1}
                model: {layers: 2, hidden: 48, embedding: 16, dropout: 0.1, init: {scale: 0.1}}
                training:
                  batch: 20
                  window: 25
                  epochs: 10
                  clip_norm: 5.0
                  optimizer: {name: sgd, learning_rate: 4.0}
                  schedule: {name: exponential, factor: 0.7, after_epochs: 6}

                """, to: "learn.yaml")
            let run = try await folder.train("learn.yaml", into: "run", ranks: 2)
            let losses = try run.figures(of: "validation")
            #expect(losses.count == 10)
            #expect(losses.last ?? .infinity < 0.9, "\(losses)")
            expectClose(
                try run.figures("perplexity", of: "validation").map(log), losses, within: 1e-5,
                "logarithms of perplexity")
            let rates = try run.figures("learning_rate")
            #expect(rates.first == 4)
            expectClose([rates.last ?? 0], [4 * 0.7 * 0.7 * 0.7 * 0.7], within: 1e-9, "the last rate")
        }

        @Test(
            "patience ends a training that gets worse; the best checkpoint and the requested number of others are kept")
        func patience() async throws {
            // Training on one text makes the loss on the other worse, once the character frequencies are learnt.
            let folder = try TestFolder.withText().write(
                String(inventedText(words: 500, seed: 3).reversed()), to: "reversed.txt")
            let started = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--set", "data.validation=reversed.txt", "--set",
                "validation.every_steps=20", "--set", "validation.patience=3", "--set", "training.steps=2000", "--set",
                "checkpoint.every_steps=10", "--set", "checkpoint.keep=2", ranks: 2)
            #expect(started.exitCode == 0, "\(started.errors)")
            let run = folder.run("run")
            let losses = try run.figures(of: "validation")
            let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
            #expect(losses.count == best + 1 + 3)
            let last = 20 * losses.count
            #expect(last < 2000)
            func name(_ step: Int) -> String {
                "step-" + String(repeating: "0", count: 8 - "\(step)".count) + "\(step)"
            }
            #expect(try run.target(of: "best") == name(20 * (best + 1)))
            #expect(try run.target(of: "latest") == name(last))
            #expect(
                try run.checkpointNames()
                    == ["best", "latest", name(20 * (best + 1)), name(last - 10), name(last)])
            #expect(try run.outcome()["reason"]?.stringValue == "3 validations without a better loss")
            #expect(
                started.errors.hasSuffix(
                    "done at step \(last): 3 validations without a better loss; run holds the run\n"))
        }
    }
}
