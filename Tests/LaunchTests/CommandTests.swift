// The commands that work on a trained run.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension CommandLineTests {
    @Suite("commands")
    struct CommandTests {
        /// A run with validations, whose best checkpoint is not its latest: its learning rate is far too high.
        private func trained(_ keys: [String] = []) async throws -> TestFolder {
            let folder = try TestFolder.withText().write(inventedText(words: 400, seed: 5), to: "other.txt")
            try await folder.train(
                "small.yaml", into: "run",
                set: [
                    "data.validation=other.txt", "validation.every_steps=5", "validation.batch=6", "training.steps=45",
                    "training.optimizer.learning_rate=0.9", "checkpoint.keep=50",
                ] + keys)
            return folder
        }

        // MARK: evaluate

        @Test(
            "evaluate scores a run's best checkpoint on the validation text, with the figures of the best validation line"
        )
        func evaluate() async throws {
            let folder = try await trained()
            let validations = try folder.run("run").metrics("validation")
            let best = try #require(
                validations.min { $0["loss"]?.numberValue ?? .infinity < $1["loss"]?.numberValue ?? .infinity })
            let step = try #require(best["step"]?.integerValue)
            #expect(step < 45)
            let run = try await folder.lstmDist("evaluate", "run", ranks: 2)
            let json = try JSONValue(parsing: run.output)
            #expect(
                json.members?.map(\.key) == ["checkpoint", "split", "loss", "tokens", "perplexity", "bits_per_token"])
            #expect(json["checkpoint"]?.stringValue == folder.run("run").checkpoint(step))
            #expect(json["split"]?.stringValue == "validation")
            let length = try folder.bytes(of: "other.txt").count / 6
            #expect(json["tokens"]?.integerValue == 6 * (length - 1))
            for key in ["loss", "perplexity", "bits_per_token"] {
                expectClose([try figure(key, of: run)], [try #require(best[key]?.numberValue)], within: 1e-6, key)
            }
            #expect(run.errors == "")
        }

        @Test("evaluate prefers --data, then the test text")
        func evaluateSplits() async throws {
            let folder = try await trained(["data.test=text.txt"])
            let line = try #require(folder.run("run").metrics("test").first)
            #expect(try folder.run("run").metrics("test").count == 1)
            let test = try await folder.lstmDist("evaluate", "run")
            #expect(try JSONValue(parsing: test.output)["split"]?.stringValue == "test")
            expectClose([try figure("loss", of: test)], [try #require(line["loss"]?.numberValue)], within: 1e-6, "test")
            let data = try await folder.lstmDist("evaluate", "run", "--data", "other.txt")
            #expect(try JSONValue(parsing: data.output)["split"]?.stringValue == "test")
            let best = try folder.run("run").figures(of: "validation").min() ?? 0
            expectClose([try figure("loss", of: data)], [best], within: 1e-6, "--data")
        }

        // MARK: generate

        @Test(
            "generate writes the prompt first, samples by the seed, and takes the most probable token at temperature 0")
        func generate() async throws {
            let folder = try TestFolder.withText()
            try await folder.train("small.yaml", into: "run", set: ["training.steps=200"])
            func text(_ words: String..., ranks: Int? = nil) async throws -> String {
                let run = try await folder.lstmDist(
                    ["generate", "run", "--prompt", "the ri", "--length", "40"] + words, ranks: ranks)
                #expect(run.errors == "")
                #expect(run.exitCode == 0)
                #expect(run.output.hasPrefix("the ri"))
                #expect(run.output.unicodeScalars.count == 6 + 40 + 1)
                return run.output
            }
            let drawn = try await text()
            #expect(try await text("--seed", "1", ranks: 2) == drawn)
            #expect(try await text("--seed", "2") != drawn)
            let likeliest = try await text("--temperature", "0")
            #expect(likeliest != drawn)
            #expect(try await text("--temperature", "0", "--seed", "7") == likeliest)
            #expect(try await text("--top-k", "1") == likeliest)
        }

        @Test("generate refuses a model of another task")
        func generateOther() async throws {
            let folder = try TestFolder().write("task: reber\ntraining: {steps: 1}\n", to: "task.yaml")
            try await folder.train("task.yaml", into: "run")
            let run = try await folder.lstmDist("generate", "run", ranks: 3)
            #expect(
                run.errors
                    == "lstm-dist: run/checkpoints/step-00000001: a model of task reber does not generate text; accepted: a "
                    + "checkpoint of a language model\n")
            #expect(run.exitCode == 2)
        }

        // MARK: export and inspect

        @Test("export writes the model's own bytes, to a file, to standard output and to a pipe")
        func export() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.train("small.yaml", into: "run")
            let model = try run.latest("model.safetensors")
            let file = try await folder.lstmDist(
                "export", "run", "--format", "safetensors", "--output", "model.safetensors", ranks: 2)
            #expect(file.errors == "model.safetensors: 11 tensors\n")
            #expect(file.output == "")
            #expect(try folder.bytes(of: "model.safetensors") == model)
            let output = try await folder.lstmDist(
                "export", "run", "--format", "safetensors", "--output", "-", ranks: 2)
            #expect(output.outputBytes == model)
            let pipe = try await MPIRun.run(
                URL(filePath: "/bin/sh"),
                ["-c", "\"$0\" export run --format safetensors | cat", TestFolder.program.path],
                ranks: nil, in: folder.url)
            #expect(pipe.outputBytes == model)
        }

        @Test("inspect shows shapes and sizes once, and --verify finds a changed byte")
        func inspect() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.train("small.yaml", into: "run")
            let whole = try await folder.lstmDist("inspect", "run", "--verify", ranks: 2)
            let lines = whole.output.split(separator: "\n").map(String.init)
            #expect(lines.first == "checkpoint  run/checkpoints/step-00000030")
            #expect(lines.filter { $0 == "  rnn.weight_ih_l1  [52, 13]  2.6 KiB" }.count == 1)
            #expect(lines.contains("  all files are as they were written"))
            #expect(whole.errors == "")
            #expect(whole.exitCode == 0)
            let (written, damaged) = try folder.damage("\(run.checkpoint(30))/model.safetensors")
            let found = try await folder.lstmDist("inspect", "run", "--verify", ranks: 2)
            #expect(
                found.errors == "lstm-dist: The checkpoint run/checkpoints/step-00000030 is damaged: the SHA-256 of "
                    + "model.safetensors is \(damaged), but \(written) is recorded.\n")
            #expect(
                found.output == """
                    checkpoint  run/checkpoints/step-00000030

                    checksums (sha256)
                      \(damaged)  model.safetensors  DAMAGED
                      \(try Checksum.sha256(ofFile: folder.url(of: "run/checkpoints/latest/training.safetensors").path))  \
                    training.safetensors  as written
                      \(try Checksum.sha256(ofFile: folder.url(of: "run/checkpoints/latest/vocabulary.json").path))  \
                    vocabulary.json  as written
                      \(try Checksum.sha256(ofFile: folder.url(of: "run/checkpoints/latest/state.json").path))  \
                    state.json  as written

                    """)
            #expect(found.exitCode == 1)
        }

        @Test(
            "inspect --verify of a run folder finds damage in each of its checkpoints, not only in the one that it shows"
        )
        func inspectOthers() async throws {
            let folder = try TestFolder.withText()
            let set = ["checkpoint.every_steps=10"]
            let run = try await folder.train("small.yaml", into: "run", set: set)
            let whole = try await folder.lstmDist("inspect", "run", "--verify", ranks: 2)
            let (first, second) = ("run/checkpoints/step-00000010", "run/checkpoints/step-00000020")
            let title = "\nthe run's other checkpoints\n"
            #expect(whole.output.contains("\(title)  \(first)  as written\n  \(second)  as written\n"))
            #expect(whole.errors == "" && whole.exitCode == 0, "\(whole.errors)")
            let (written, damaged) = try folder.damage("\(run.checkpoint(10))/training.safetensors")
            try folder.remove(second)
            try folder.link(second, to: "step-00000030")
            let found = try await folder.lstmDist("inspect", "run", "--verify", ranks: 2)
            #expect(found.output.hasPrefix("checkpoint  run/checkpoints/step-00000030\n"))
            #expect(found.output.contains("\(title)  \(first)  DAMAGED\n  \(second)  DAMAGED\n"))
            let message =
                "lstm-dist: The checkpoint \(first) is damaged: the SHA-256 of training.safetensors is \(damaged), but "
                + "\(written) is recorded. \(second) "
            #expect(found.errors.hasPrefix(message), "\(found.errors)")
            #expect(found.exitCode == 1)
            // The path of one checkpoint means that checkpoint.
            let one = try await folder.lstmDist("inspect", "run/checkpoints/latest", "--verify")
            #expect(one.exitCode == 0 && !one.output.contains("other checkpoints"), "\(one.errors)")
        }

        @Test("compare finds two equal runs equal, and reports where a run with another seed differs")
        func compare() async throws {
            let folder = try TestFolder.withText()
            for (run, seed) in [("one", 1), ("same", 1), ("other", 2)] {
                try await folder.train("small.yaml", into: run, ranks: 2, set: ["training.seed=\(seed)"])
            }
            let equal = try await folder.lstmDist("compare", "one", "same", ranks: 2)
            #expect(equal.output.hasSuffix("\nequal to the bit\n"))
            #expect(equal.output.split(separator: "\n").filter { $0 == "equal to the bit" }.count == 1)
            #expect(equal.errors == "")
            #expect(equal.exitCode == 0)
            let different = try await folder.lstmDist("compare", "one", "other")
            #expect(different.output.contains("different  metrics differ at step 1 (train): loss is "))
            #expect(different.output.contains("different  step 30, weights: embedding.weight differs in "))
            #expect(different.errors == "lstm-dist: one and other are not equal\n")
            #expect(different.exitCode == 1)
        }

        // MARK: train's own options

        @Test("a dry run reports what would be done and writes nothing")
        func dryRun() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist("train", "small.yaml", "--dry-run", ranks: 3)
            #expect(run.output == "dry run: all checks have passed; nothing was written\n")
            let steps = (try folder.bytes(of: "text.txt").count / 12 - 1) / 9
            // Where ranks share cores, another line follows.
            let line = run.errors.split(separator: "\n").first ?? ""
            #expect(line.hasPrefix("language-model: lstm 2 x 13, "))
            #expect(line.hasSuffix(" parameters, batch 12 on 3 ranks, 30 steps (\(steps) an epoch)"))
            #expect(run.exitCode == 0)
            #expect(try folder.names(in: ".") == ["small.yaml", "text.txt"])
        }

        @Test("--quiet prints only results; without it standard error has the progress")
        func quiet() async throws {
            let folder = try TestFolder.withText(smallConfig.replacing("every_epochs: 0", with: "every_steps: 30"))
            let keys = ["--set", "data.validation_fraction=0.1"]
            let quiet = try await folder.lstmDist("train", "small.yaml", "--quiet", keys[0], keys[1], "--run", "quiet")
            #expect(quiet.errors == "")
            #expect(
                quiet.output.wholeMatch(of: /last training loss \d\.\d+\nbest validation loss \d\.\d+\n/) != nil,
                "\(quiet.output)")
            let told = try await folder.lstmDist("train", "small.yaml", keys[0], keys[1], "--run", "told", ranks: 2)
            #expect(told.output == quiet.output)
            let lines = told.errors.split(separator: "\n")
            #expect(lines.first?.hasPrefix("language-model: lstm 2 x 13, ") == true)
            #expect(lines.last == "done at step 30: all steps are done; told holds the run")
            #expect(lines.contains { $0.hasPrefix("step 30/30  epoch 1  loss ") && $0.hasSuffix(" tokens/s  ETA 0s") })
            #expect(lines.contains { $0.hasPrefix("step 30  epoch 1  validation loss ") })
        }

        @Test("a configuration from standard input trains like one from a file, and needs a run folder's name")
        func standardInput() async throws {
            let folder = try TestFolder.withText()
            let file = try await folder.train("small.yaml", into: "file", ranks: 2)
            let run = try await folder.lstmDist(
                "train", "-", "--run", "input", "--quiet", ranks: 2, input: smallConfig)
            #expect(run.errors == "")
            try expectSame(folder.run("input"), file)
            let nameless = try await folder.lstmDist("train", "-", ranks: 2, input: smallConfig)
            #expect(
                nameless.errors.split(separator: "\n").first == "Error: --run is needed when the configuration is -")
            #expect(nameless.exitCode == 2)
            let broken = try await folder.lstmDist(
                "train", "-", "--run", "broken", ranks: 2, input: "task: reber\nmodle: 3\n")
            #expect(broken.errors == "lstm-dist: standard input, line 2: modle is not a key; did you mean model?\n")
        }
    }
}
