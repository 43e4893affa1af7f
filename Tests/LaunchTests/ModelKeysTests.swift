// Keys that change what a model is made of, or how it is updated: the same promises as for any other.

import LaunchSupport
import Testing

extension LaunchTests {
    @Suite("keys of the model")
    struct ModelKeysTests {
        /// A configuration with one of the keys.
        struct Example: Sendable, CustomTestStringConvertible {
            let key: String
            let config: String
            var testDescription: String { key }

            private static let words = """
                task: language-model
                data: {train: text.txt, validation_fraction: 0.1, tokenizer: word}
                model: {layers: 2, hidden: 21, embedding: 21}
                training: {batch: 14, window: 6, steps: 24, optimizer: {learning_rate: 0.01}, clip_norm: 0.25}
                validation: {every_steps: 12, batch: 7}
                logging: {every_steps: 1}

                """
            private static let sequences = """
                task: temporal-order
                data: {sequences_per_epoch: 33}
                model: {layers: 2, hidden: 13, dropout: 0.2}
                training: {batch: 11, steps: 12, optimizer: {learning_rate: 0.01}, clip_norm: 0.5}
                validation: {every_epochs: 2, batch: 200}
                logging: {every_steps: 1}

                """

            static let all = [
                Example(key: "model.cell=lstm-peephole", config: words),
                Example(key: "training.optimizer.name=lamb", config: words),
                Example(key: "model.layer_norm=true", config: words),
                Example(key: "model.tie_embedding=true", config: words),
                Example(key: "model.bidirectional=true", config: sequences),
            ]
        }

        @Test("the same bits on 1, 2 and 5 ranks, and in a run that moves from 3 ranks to 2", arguments: Example.all)
        func sameBits(example: Example) async throws {
            let folder = try TestFolder.withText(example.config)
            let one = try await folder.train("small.yaml", into: "one", set: [example.key])
            for ranks in [2, 5] {
                let run = try await folder.train("small.yaml", into: "on-\(ranks)", ranks: ranks, set: [example.key])
                try expectSame(run, one, ignoring: ["ranks"])
            }
            try await folder.train("small.yaml", into: "moved", ranks: 3, set: [example.key, "training.steps=7"])
            let moved = try await folder.train("small.yaml", into: "moved", ranks: 2, set: [example.key])
            #expect(try moved.latest("model.safetensors") == one.latest("model.safetensors"))
            #expect(try moved.latest("training.safetensors") == one.latest("training.safetensors"))
            // Without the key it is another run.
            let plain = try await folder.train("small.yaml", into: "plain")
            #expect(try plain.latest("model.safetensors") != one.latest("model.safetensors"))
        }

        @Test("a task that predicts the next time step refuses to read ahead", arguments: [1, 2])
        func readsAhead(ranks: Int) async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--set", "model.bidirectional=true", ranks: ranks)
            #expect(run.exitCode == 2)
            #expect(
                run.errors
                    == "lstm-dist: --set model.bidirectional=true: model.bidirectional does not apply while task is "
                    + "language-model (in small.yaml, line 1); accepted: only while task is classification, labelling, adding or temporal-order\n"
            )
            #expect(!folder.has("runs"))
        }
    }
}
