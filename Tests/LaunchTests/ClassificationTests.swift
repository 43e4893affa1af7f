// Classification and labelling of sequences from files: parity with PyTorch, the same bits for every division of the work, resuming,
// evaluating and predicting.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

/// A case of Tests/Fixtures/pytorch/series.json.
private struct SeriesCase: Sendable, CustomTestStringConvertible {
    /// The end of its files' names.
    let name: String
    let config: String
    let losses: [Double]
    let gradientNorms: [Double]
    var testDescription: String { name }

    static let all: [SeriesCase] = {
        let path = ProjectFiles.fixtures.appending(path: "series.json")
        let cases = (try? String(contentsOf: path, encoding: .utf8)).flatMap { try? JSONValue(parsing: $0).arrayValue }
        return (cases ?? []).compactMap { json in
            guard let task = json["task"]?.stringValue, let name = json["name"]?.stringValue, let model = json["model"],
                let training = json["training"],
                let losses = json["losses"]?.arrayValue, let norms = json["gradient_norms"]?.arrayValue
            else { return nil }
            let config = """
                task: \(task)
                data: {train: \(ProjectFiles.fixtures.path)/\(task == "labelling" ? "labelled.jsonl" : "series.ts"), scaling: none}
                model: \(model.text)
                training: \(training.text)
                validation: {every_epochs: 0}
                logging: {every_steps: 1}

                """
            return SeriesCase(
                name: "\(task)-\(name)", config: config, losses: losses.compactMap(\.numberValue),
                gradientNorms: norms.compactMap(\.numberValue))
        }
    }()
}

extension LaunchTests {
    @Suite("classification")
    struct ClassificationTests {
        /// 60 sequences of 1 to 8 time steps and two channels, some values missing; three classes that follow from the
        /// values.
        private static let series: String = {
            var random = SeededRandom(5)
            let lines = (0..<60).map { number in
                let label = number % 3
                let length = Int.random(in: 1...8, using: &random)
                let channels = (0..<2).map { channel in
                    (0..<length).map { t in
                        if Int.random(in: 0..<9, using: &random) == 0 { return "?" }
                        let value = Double(label - 1) * (channel == 0 ? 1 : Double(t) / 4)
                        return "\(value + Double.random(in: -0.5...0.5, using: &random))"
                    }.joined(separator: ",")
                }
                return (channels + ["class \(label)"]).joined(separator: ":")
            }
            return "@classLabel true\n@data\n" + lines.joined(separator: "\n") + "\n"
        }()

        private static let config = """
            task: classification
            data: {train: series.ts, validation_fraction: 0.2, test: series.ts}
            model: {hidden: 13, bidirectional: true, pooling: mean, dropout: 0.2}
            training: {batch: 7, epochs: 6, optimizer: {name: adam, learning_rate: 0.02}, clip_norm: 1.0}
            logging: {every_steps: 1}
            communication: {reduction: reproducible}

            """

        private func folder() throws -> TestFolder {
            try TestFolder().write(Self.series, to: "series.ts").write(Self.config, to: "series.yaml")
        }

        @Test("losses, gradient norms and weights are PyTorch's", arguments: SeriesCase.all)
        fileprivate func parity(example: SeriesCase) async throws {
            let folder = try TestFolder().write(example.config, to: "case.yaml")
            let initial = ProjectFiles.fixtures.appending(path: "initial-\(example.name).safetensors")
            for ranks in selection(
                ["classification-both-mean", "labelling-crf"].contains(example.name) ? [1, 2, 3, 4] : [3],
                of: [1, 2, 3, 4, 5])
            {
                let run = try await folder.train(
                    "case.yaml", into: "on-\(ranks)", ranks: ranks, "--init-from", initial.path)
                expectClose(try run.figures(), example.losses, within: 1e-4)
                expectClose(try run.figures("gradient_norm"), example.gradientNorms, within: 1e-3, "gradient norms")
                let final = try SafetensorsFile(
                    ProjectFiles.fixtures.appending(path: "final-\(example.name).safetensors").path)
                try expectClose(run.model(), final, within: 1e-4)
            }
        }

        @Test("there are cases, and they have 30 steps")
        func cases() {
            #expect(SeriesCase.all.count == 5)
            for example in SeriesCase.all { #expect(example.losses.count == 30 && example.gradientNorms.count == 30) }
        }

        @Test("every figure and every bit are the same on any number of ranks, with threads, and after a resume")
        func divisions() async throws {
            let folder = try folder()
            let one = try await folder.train("series.yaml", into: "on-1", ranks: 1)
            func figures(_ run: RunFiles) throws -> [String] {
                try run.metrics().map { line in
                    ["split", "step", "loss", "gradient_norm", "accuracy", "macro_f1"].map { "\(line[$0]?.text ?? "")" }
                        .joined(separator: " ")
                }
            }
            func expectSame(_ run: RunFiles, _ what: String) throws {
                #expect(try figures(run) == figures(one), "\(what)")
                for file in ["model.safetensors", "training.safetensors", "labels.json", "scaling.json"] {
                    #expect(try run.latest(file) == one.latest(file), "\(what): \(file)")
                }
            }
            #expect(try figures(one).count == 7 * 6 + 6 + 1)
            for ranks in [2, 3, 5] {
                try expectSame(
                    try await folder.train("series.yaml", into: "on-\(ranks)", ranks: ranks), "\(ranks) ranks")
            }
            try expectSame(
                try await folder.train("series.yaml", into: "threads", ranks: 2, "--threads-per-rank", "2"), "threads")
            // Within an epoch, whose order the resumed run finds again.
            let stopped = try await folder.train(
                "series.yaml", into: "resumed", ranks: 2, set: ["training.epochs=2", "checkpoint.every_steps=10"])
            #expect(try stopped.metrics("train").count == 14)
            try expectSame(
                try await folder.train(
                    "series.yaml", into: "resumed", ranks: 3, "--resume", "resumed/checkpoints/step-00000010"),
                "resumed")
        }

        @Test(
            "the best checkpoint has the highest accuracy, and evaluate and predict agree with it on any number of ranks"
        )
        func results() async throws {
            let folder = try folder()
            let run = try await folder.train("series.yaml", into: "run", ranks: 2)
            let validations = try run.metrics("validation")
            let accuracies = validations.compactMap { $0["accuracy"]?.numberValue }
            let highest = try #require(accuracies.max())
            #expect(accuracies.count == 6 && highest > 0.6)
            let tied = validations.filter { $0["accuracy"]?.numberValue == highest }
            let best = try #require(
                tied.min { ($0["loss"]?.numberValue ?? 0) < ($1["loss"]?.numberValue ?? 0) }?["step"]?.integerValue)
            let link = try FileManager.default.destinationOfSymbolicLink(
                atPath: folder.url(of: "run/checkpoints/best").path)
            #expect(link.hasSuffix("\(best)"))

            let score = try await folder.lstmDist("evaluate", "run")
            #expect(try figure("tokens", of: score) == 60)
            let matrix = try JSONValue(parsing: score.output)["confusion"]?.arrayValue?.map {
                $0.arrayValue?.compactMap(\.integerValue) ?? []
            }
            let diagonal = (matrix ?? []).enumerated().reduce(0) { $0 + $1.element[$1.offset] }
            #expect(matrix?.map { $0.reduce(0, +) } == [20, 20, 20])
            #expect(try abs(Double(diagonal) / 60 - figure("accuracy", of: score)) < 1e-6)
            #expect(try figure("accuracy", of: score) == run.metrics("test")[0]["accuracy"]?.numberValue)
            for ranks in [1, 3] {
                let predicted = try await folder.lstmDist(
                    "predict", "run", "--input", "series.ts", "--output", "on-\(ranks).csv", ranks: ranks)
                #expect(predicted.exitCode == 0, "\(predicted.errors)")
            }
            let text = try folder.text(of: "on-1.csv")
            #expect(try folder.text(of: "on-3.csv") == text)
            let rows = text.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
            #expect(rows[0] == ["sequence", "label", "p_class 0", "p_class 1", "p_class 2"])
            // In the order of the file, whose classes are 0, 1, 2, 0, 1, 2, …
            let correct = rows.dropFirst().enumerated().count { $0.element[1] == "class \($0.offset % 3)" }
            #expect(rows.count == 61 && rows.dropFirst().enumerated().allSatisfy { $0.element[0] == "\($0.offset)" })
            #expect(try abs(Double(correct) / 60 - figure("accuracy", of: score)) < 1e-6)
        }

        @Test(
            "tokens are labelled: the same bits on any number of ranks, spans are counted, and predict has the tokens",
            arguments: ["softmax", "crf"])
        func labelling(head: String) async throws {
            var random = SeededRandom(9)
            let words = ["to": "O", "play": "O", "stop": "O", "Rome": "B-city", "Oslo": "B-city", "City": "I-city"]
            let names = words.keys.sorted()
            let sentences = (0..<50).map { _ in
                (0..<Int.random(in: 1...7, using: &random)).map { _ in
                    let word = names[Int.random(in: 0..<names.count, using: &random)]
                    return "\(word)\t\(words[word] ?? "O")\n"
                }.joined()
            }
            let folder = try TestFolder().write(sentences.joined(separator: "\n"), to: "a.conll").write(
                """
                task: labelling
                data: {train: a.conll, validation: a.conll}
                model: {hidden: 11, embedding: 8, bidirectional: true, head: \(head)}
                training: {batch: 8, epochs: 6, optimizer: {name: adam, learning_rate: 0.03}}
                logging: {every_steps: 1}

                """, to: "a.yaml")
            let one = try await folder.train("a.yaml", into: "on-1")
            for ranks in [2, 3, 4] {
                let run = try await folder.train("a.yaml", into: "on-\(ranks)", ranks: ranks)
                #expect(try run.figures() == one.figures())
                #expect(try run.latest("model.safetensors") == one.latest("model.safetensors"), "\(ranks) ranks")
                #expect(try run.latest("training.safetensors") == one.latest("training.safetensors"))
            }
            let last = try #require(one.metrics("validation").last)
            let (f1, accuracy) = (last["span_f1"]?.numberValue ?? 0, last["accuracy"]?.numberValue ?? 0)
            #expect(f1 > 0.95 && accuracy > 0.95)
            try folder.write("to\nunknown\n\nOslo\n", to: "new.conll")
            let predicted = try await folder.lstmDist(
                "predict", "on-1", "--input", "new.conll", "--output", "-", ranks: 2)
            let lines = predicted.output.split(separator: "\n").map(String.init)
            #expect(predicted.exitCode == 0 && lines.count == 4, "\(predicted.errors)")
            #expect(lines.first == "sequence,step,token,label")
            #expect(
                lines.dropFirst().map { $0.split(separator: ",")[0...2].joined(separator: ",") } == [
                    "0,0,to", "0,1,unknown", "1,0,Oslo",
                ])
            #expect(lines.last == "1,0,Oslo,B-city")
        }

        @Test(
            "compressed files are read like plain ones, and a damaged one ends all ranks with one message",
            arguments: [1, 3])
        func compressed(ranks: Int) async throws {
            let folder = try folder()
            let plain = try await folder.train("series.yaml", into: "plain", set: ["training.epochs=1"])
            let zipped = try await MPIRun.run(
                URL(filePath: "/usr/bin/gzip"), ["series.ts"], ranks: nil, in: folder.url, limit: .seconds(30))
            #expect(zipped.exitCode == 0)
            let keys = ["training.epochs=1", "data.train=series.ts.gz", "data.test=series.ts.gz"]
            let run = try await folder.train("series.yaml", into: "zipped", ranks: ranks, set: keys)
            #expect(try run.latest("model.safetensors") == plain.latest("model.safetensors"))
            try folder.write("plain text", to: "bad.ts.gz")
            let refused = try await folder.lstmDist(
                "train", "series.yaml", "--run", "bad", "--set", "data.train=bad.ts.gz", ranks: ranks)
            #expect(
                refused.errors
                    == "lstm-dist: --set data.train: the file \"bad.ts.gz\" can't be decompressed: found data that is not "
                    + "gzip; accepted: the format that its name ends with\n")
            #expect(refused.exitCode == 2 && !folder.has("bad"))
        }

        @Test("with two labels AUROC and AUPRC are those of the predictions, on any number of ranks")
        func ranking() async throws {
            let lines = Self.series.split(separator: "\n").map {
                $0.replacingOccurrences(of: "class 2", with: "class 0")
            }
            let folder = try folder().write(lines.joined(separator: "\n") + "\n", to: "series.ts")
            try await folder.train("series.yaml", into: "run", set: ["training.epochs=2", "validation.best=auroc"])
            let one = try await folder.lstmDist("evaluate", "run")
            for ranks in [2, 3] {
                #expect(try await folder.lstmDist("evaluate", "run", ranks: ranks).output == one.output)
            }
            let predicted = try await folder.lstmDist("predict", "run", "--output", "-")
            let rows = predicted.output.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
            let scores = try rows.enumerated().map { number, row in
                (try #require(Double(row[3])), number % 3 == 1)
            }
            var share = 0.0
            for (a, isPositive) in scores where isPositive {
                for (b, isOther) in scores where !isOther { share += a > b ? 1 : a == b ? 0.5 : 0 }
            }
            #expect(scores.count == 60)
            #expect(try abs(figure("auroc", of: one) - share / 800) < 1e-6)
            #expect(try (0...1).contains(figure("auprc", of: one)))
            let validation = try folder.run("run").metrics("validation")
            #expect(validation.count == 2 && validation.allSatisfy { $0["auroc"]?.numberValue != nil })
        }

        @Test(
            "a file without labels can be predicted, and bad files end all ranks with one message", arguments: [1, 3])
        func files(ranks: Int) async throws {
            let folder = try folder()
            try await folder.train("series.yaml", into: "run", set: ["training.epochs=1"])
            try folder.write("@classLabel false\n@data\n1,2:?,3\n", to: "new.ts")
            let predicted = try await folder.lstmDist(
                "predict", "run", "--input", "new.ts", "--output", "-", ranks: ranks)
            #expect(
                predicted.exitCode == 0 && predicted.output.split(separator: "\n").count == 2, "\(predicted.errors)")
            for (text, message) in [
                ("@data\n1:2:3\n", "bad.ts, line 2: found 3 channels; accepted: 2, as in the training data"),
                (
                    "@data\n1:x\n",
                    "bad.ts, line 2, column 3: found \"x\"; accepted: a decimal number in the range of Float, or ? or NaN for "
                        + "a missing value"
                ),
            ] {
                try folder.write(text, to: "bad.ts")
                let run = try await folder.lstmDist(
                    "predict", "run", "--input", "bad.ts", "--output", "x.csv", ranks: ranks)
                #expect(run.exitCode == 2 && run.errors == "lstm-dist: \(message)\n", "\(run.errors)")
                #expect(!folder.has("x.csv"))
            }
            let unknown = try await folder.lstmDist(
                "train", "series.yaml", "--run", "other", "--set", "validation.best=perplexity", ranks: ranks)
            #expect(unknown.exitCode == 2 && unknown.errors.contains("validation.best"), "\(unknown.errors)")
            #expect(!folder.has("other"))
        }
    }
}
