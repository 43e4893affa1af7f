// Kernel sizes: every choice gives the same bits, and files are checked.

import FileFormats
import Foundation
import Kernels
import LaunchSupport
import Testing
import Training

extension LaunchTests {
    @Suite("tuning")
    struct TuningTests {
        /// More classes than a block of the output layer, windows longer than a block of a leaf, uneven sizes.
        private static let config = """
            task: language-model
            data: {train: words.txt, tokenizer: word}
            model: {layers: 2, hidden: 75, embedding: 33}
            training: {batch: 6, window: 70, steps: 12, optimizer: {name: adam, learning_rate: 0.01}, clip_norm: 0.25}
            validation: {every_epochs: 0}
            logging: {every_steps: 1}

            """

        private func folder() throws -> TestFolder {
            let words = (0..<6000).map { "w\($0 * $0 % 401)" }.joined(separator: " ")
            #expect(Set((0..<6000).map { $0 * $0 % 401 }).count > Tuning.answerBlock, "the case is too small")
            return try TestFolder().write(words, to: "words.txt").write(Self.config, to: "train.yaml")
        }

        /// The choices: for both kinds of CPU, the smallest of every number, and sizes that divide nothing.
        private static let choices: [(name: String, values: [Int]?)] = [
            ("AMD", Tuning.numbers.map { Tuning.tuning(for: .amd)[keyPath: $0.path] }),
            ("Intel", Tuning.numbers.map { Tuning.tuning(for: .goldenCove)[keyPath: $0.path] }),
            ("smallest", Tuning.numbers.map(\.accepted.lowerBound)),
            ("uneven", [13, 65, 129, 5, 3000, 47, 7, 33]),
        ]

        @Test("every choice trains to the same bits, on one rank and on three")
        func sameBits() async throws {
            let folder = try folder()
            var first: RunFiles?
            for choice in Self.choices {
                let values = try #require(choice.values)
                #expect(values.count == Tuning.numbers.count)
                let members = zip(Tuning.numbers, values).map { (key: $0.name, value: JSONValue.integer($1)) }
                try folder.write(JSONValue.object(members).text, to: "\(choice.name).json")
                for ranks in [1, 3] {
                    let run = try await folder.train(
                        "train.yaml", into: "\(choice.name)-\(ranks)", ranks: ranks, "--tuning", "\(choice.name).json")
                    let expected = first ?? run
                    first = expected
                    let same = try run.latest("model.safetensors") == expected.latest("model.safetensors")
                    #expect(same, "\(choice.name), \(ranks) ranks")
                    #expect(try run.figures() == expected.figures(), "\(choice.name), \(ranks) ranks")
                }
            }
        }

        @Test("the option precedes the variable; doctor and environment.json name the choice")
        func named() async throws {
            let folder = try folder().write("{\"leaf_block\": 3}", to: "three.json").write("{}", to: "none.json")
            let variable = ["LSTM_DIST_TUNING": "three.json"]
            func tuning(_ words: String..., environment: [String: String]) async throws -> JSONValue? {
                let run = try await folder.lstmDist(
                    ["doctor", "--json"] + words, ranks: 2, environment: environment)
                return try JSONValue(parsing: run.output)["tuning"]
            }
            let byVariable = try await tuning(environment: variable)
            #expect(byVariable?["source"]?.stringValue == "three.json")
            #expect(byVariable?["leaf_block"]?.integerValue == 3)
            let cpus = Tuning.tuning(for: .current)
            #expect(byVariable?["recurrent_block"]?.integerValue == cpus.recurrentBlock)
            let byOption = try await tuning("--tuning", "none.json", environment: variable)
            #expect(byOption?["source"]?.stringValue == "none.json")
            #expect(byOption?["leaf_block"]?.integerValue == cpus.leafBlock)
            let byCPU = try await tuning(environment: ["LSTM_DIST_TUNING": ""])
            #expect(byCPU?["source"]?.stringValue == "for \(CPUFamily.current.rawValue)")
            try await folder.train("train.yaml", into: "run", environment: variable)
            let environment = try JSONValue(parsing: folder.text(of: "run/environment.json"))
            #expect(environment["tuning"] == byVariable)
        }

        @Test("files that are not a tuning are refused before anything is written", arguments: [1, 3])
        func badFiles(ranks: Int) async throws {
            let folder = try folder()
            let accepted = "; accepted: a file that lstm-dist bench tune --write has written\n"
            let cases = [
                ("{\"leaf_block\": -1}", "leaf_block is -1; accepted: 0 to 65536\n"),
                ("{\"recurrent_block\": 0}", "recurrent_block is 0; accepted: 1 to 65536\n"),
                ("{\"leaf_block\": \"64\"}", "leaf_block is \"64\"; accepted: 0 to 65536\n"),
                ("{\"leafblock\": 64}", "unknown key \"leafblock\"" + accepted),
                ("[]", "it is not a JSON object" + accepted),
                ("", "The text is not valid JSON: line 1, column 1: expected a value, found the end" + accepted),
            ]
            for (text, message) in cases {
                try folder.write(text, to: "bad.json")
                let run = try await folder.lstmDist(
                    "train", "train.yaml", "--run", "run", "--tuning", "bad.json", ranks: ranks)
                #expect(run.errors == "lstm-dist: --tuning bad.json: " + message)
                #expect(run.exitCode == 2)
                #expect(!folder.has("run"))
            }
            let absent = try await folder.lstmDist(
                "train", "train.yaml", "--run", "run", ranks: ranks, environment: ["LSTM_DIST_TUNING": "absent"])
            #expect(
                absent.errors
                    == "lstm-dist: LSTM_DIST_TUNING=absent: absent cannot be read: No such file or directory" + accepted
            )
            #expect(absent.exitCode == 2)
        }

        @Test("bench tune writes a file that training accepts, and measures one rank only")
        func tune() async throws {
            let folder = try folder()
            let run = try await folder.lstmDist(
                "bench", "tune", "--seconds", "0.1", "--write", "tuning.json", "--json", "results.json")
            #expect(run.errors == "")
            #expect(run.exitCode == 0)
            let results = try JSONValue(parsing: folder.text(of: "results.json"))
            let written = try JSONValue(parsing: folder.text(of: "tuning.json"))
            let decisions = try #require(results["decisions"]?.arrayValue)
            #expect(decisions.count == 5)
            for decision in decisions {
                let names = try #require(decision["name"]?.stringValue).split(separator: ",")
                let values = names.map { written[$0.trimmingCharacters(in: .whitespaces)]?.text ?? "absent" }
                #expect(decision["chosen"]?.stringValue == values.joined(separator: ", "))
            }
            #expect(run.output.split(separator: "\n").last?.hasPrefix("FOM tuning_gain_percent = ") == true)
            try await folder.train("train.yaml", into: "run", ranks: 2, "--tuning", "tuning.json")
            let ranks = try await folder.lstmDist("bench", "tune", "--seconds", "0.1", ranks: 2)
            #expect(
                ranks.errors == "lstm-dist: bench tune measures one core; accepted: one rank, without mpirun\n")
            #expect(ranks.exitCode == 2)
        }
    }
}
