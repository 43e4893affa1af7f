// communication.reduction: reproducible gives the same bits for every division of the work.

import FileFormats
import Foundation
import Kernels
import LaunchSupport
import Testing

extension LaunchTests {
    @Suite("same bits")
    struct SameBitsTests {
        /// Two layers, full mantissas, a clipped norm; 24 sequences, of which only one of 2, 4 or 8 ranks has whole
        /// nodes.
        private static func config(dropout: Double, tokenizer: String, embedding: Int) -> String {
            """
            task: language-model
            data: {train: text.txt, validation_fraction: 0.1, test: text.txt, tokenizer: \(tokenizer)}
            model: {layers: 2, hidden: 37, embedding: \(embedding), dropout: \(dropout)}
            training: {batch: 24, window: 9, steps: 120, optimizer: {name: adam, learning_rate: 0.005}, clip_norm: 0.25}
            validation: {every_steps: 40, batch: 7}
            logging: {every_steps: 1}
            communication: {reduction: reproducible}

            """
        }

        /// The name of a run and its configuration: without dropout the embedding is folded, or only in those steps
        /// whose tokens are few enough.
        private static let kinds = [
            (name: "dropout", config: config(dropout: 0.5, tokenizer: "character", embedding: 20)),
            (name: "folded", config: config(dropout: 0, tokenizer: "character", embedding: 64)),
            (name: "words", config: config(dropout: 0, tokenizer: "word", embedding: 11)),
        ]

        private func folder() throws -> TestFolder {
            let folder = try TestFolder.withText()
            for kind in Self.kinds { try folder.write(kind.config, to: "\(kind.name).yaml") }
            return folder
        }

        /// Expects the same files and values, except for the number of ranks in the lines.
        private func expectSameBits(
            _ found: RunFiles, _ expected: RunFiles, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            func lines(_ run: RunFiles) throws -> [String] {
                try run.metrics().map { line in
                    ["split", "step", "loss", "gradient_norm", "learning_rate", "perplexity", "rmse", "accuracy"]
                        .compactMap { name in line[name].map { "\(name) \($0.text)" } }.joined(separator: ", ")
                }
            }
            let (foundLines, expectedLines) = (try lines(found), try lines(expected))
            #expect(!expectedLines.isEmpty, sourceLocation: sourceLocation)
            #expect(foundLines.count == expectedLines.count, "\(what)", sourceLocation: sourceLocation)
            if let pair = zip(foundLines, expectedLines).first(where: { $0 != $1 }) {
                Issue.record("\(what): \(pair.0), not \(pair.1)", sourceLocation: sourceLocation)
            }
            for file in ["model.safetensors", "training.safetensors"] {
                let same = try found.latest(file) == expected.latest(file)
                #expect(same, "\(what): \(file)", sourceLocation: sourceLocation)
            }
        }

        /// The run on one rank, made once for all tests.
        private func one(_ kind: String, set keys: [String] = []) async throws -> RunFiles {
            let config = try #require(Self.kinds.first { $0.name == kind }?.config)
            return try await ReferenceRuns.run(config, set: keys)
        }

        @Test("120 steps on any number of ranks", arguments: kinds.map(\.name))
        func ranks(kind: String) async throws {
            let folder = try folder()
            let one = try await one(kind)
            // Dropout's masks depend on every sequence's place, so this kind represents the others.
            let few = kind == "dropout" ? [1, 2, 3, 4, 8] : [3]
            for ranks in selection(few, of: [1, 2, 3, 4, 5, 6, 7, 8, 25]) {
                let run = try await folder.train("\(kind).yaml", into: "on-\(ranks)", ranks: ranks)
                try expectSameBits(run, one, "\(ranks) ranks")
            }
        }

        @Test("on more ranks than sequences, with and without shared memory")
        func idleRanks() async throws {
            let folder = try folder()
            let keys = ["training.batch=3", "training.steps=40"]
            for (kind, environment) in [("dropout", [:]), ("words", ["OMPI_MCA_osc": "^sm"])] {
                let one = try await one(kind, set: keys)
                let run = try await folder.train(
                    "\(kind).yaml", into: kind, ranks: 5, set: keys, environment: environment)
                try expectSameBits(run, one, kind)
            }
        }

        @Test("with threads, with parts of a step, and without shared memory", arguments: kinds.map(\.name))
        func divisions(kind: String) async throws {
            let folder = try folder()
            let keys = ["training.steps=60"]
            let one = try await one(kind, set: keys)
            let all = [(1, 2, 1), (2, 2, 3), (3, 5, 1), (1, 1, 3), (2, 1, 3), (3, 1, 5), (1, 1, 7)]
            let few = kind == "dropout" ? [(1, 2, 1), (2, 2, 3), (3, 5, 1), (1, 1, 7), (3, 1, 5)] : [(2, 2, 3)]
            for (ranks, threads, parts) in selection(few, of: all) {
                let run = try await folder.train(
                    "\(kind).yaml", into: "run", ranks: ranks, "--threads-per-rank", "\(threads)", "--overwrite",
                    set: keys + ["training.accumulate=\(parts)"])
                try expectSameBits(run, one, "\(ranks) ranks, \(threads) threads, \(parts) parts")
            }
            for ranks in selection([kind == "dropout" ? 3 : 5], of: [2, 3, 5, 25]) {
                let run = try await folder.train(
                    "\(kind).yaml", into: "run", ranks: ranks, "--overwrite", set: keys,
                    environment: ["OMPI_MCA_osc": "^sm"])
                try expectSameBits(run, one, "\(ranks) ranks that share nothing")
                let environment = try JSONValue(parsing: folder.text(of: "run/environment.json"))
                #expect(environment["averaging"]?.stringValue == "MPI_Alltoallv over all ranks")
            }
        }

        /// More logits than are in memory at once: those of a window are computed in two halves, over which the tree
        /// extends.
        @Test("with enough classes that a window is processed in halves")
        func manyClasses() async throws {
            let words = (0..<6000).map { "w\($0)" } + (0..<9000).map { "w\($0 * $0 % 6000)" }
            let folder = try TestFolder().write(words.joined(separator: " "), to: "text.txt").write(
                """
                task: language-model
                data: {train: text.txt, tokenizer: word}
                model: {hidden: 9, embedding: 6}
                training: {batch: 26, window: 35, steps: 4, optimizer: {name: sgd, learning_rate: 0.5}}
                validation: {every_epochs: 0}
                logging: {every_steps: 1}
                communication: {reduction: reproducible}

                """, to: "words.yaml")
            let one = try await folder.train("words.yaml", into: "one")
            #expect(26 * 35 * 6000 * 4 > Tuning.logitBytes, "the case is too small")
            for (ranks, parts) in selection([(3, 1), (1, 2)], of: [(2, 1), (3, 1), (1, 2), (2, 3)]) {
                let run = try await folder.train(
                    "words.yaml", into: "run", ranks: ranks, "--overwrite", set: ["training.accumulate=\(parts)"])
                try expectSameBits(run, one, "\(ranks) ranks, \(parts) parts")
            }
        }

        /// Linear, recursive doubling, ring: with MPI's own sums, each gives different bits.
        @Test("with every allreduce algorithm of MPI", arguments: [1, 3, 4])
        func allreduceAlgorithms(algorithm: Int) async throws {
            let folder = try folder()
            let environment = [
                "OMPI_MCA_coll_tuned_use_dynamic_rules": "1",
                "OMPI_MCA_coll_tuned_allreduce_algorithm": "\(algorithm)",
            ]
            let keys = ["training.steps=60"]
            let one = try await one("folded", set: keys)
            for more in [[:], ["OMPI_MCA_osc": "^sm"]] {
                let run = try await folder.train(
                    "folded.yaml", into: "run", ranks: 5, "--overwrite", set: keys,
                    environment: environment.merging(more) { $1 })
                try expectSameBits(run, one, "allreduce algorithm \(algorithm)")
            }
        }

        @Test(
            "in a run that moves from 4 to 2 to 3 ranks",
            arguments: selection(["dropout"], of: kinds.map(\.name)))
        func moved(kind: String) async throws {
            let folder = try folder()
            let one = try await one(kind)
            try await folder.train("\(kind).yaml", into: "run", ranks: 4, set: ["training.steps=31"])
            try await folder.train("\(kind).yaml", into: "run", ranks: 2, set: ["training.steps=77"])
            let run = try await folder.train("\(kind).yaml", into: "run", ranks: 3)
            #expect(try run.model().names == one.model().names)
            try expectSameBits(
                folder.run("run"), one, "moved")
        }

        @Test("for every task whose sequences end", arguments: ["adding", "reber", "temporal-order"])
        func tasks(task: String) async throws {
            let folder = try TestFolder().write(
                """
                task: \(task)
                data: {sequences_per_epoch: 45}
                model: {hidden: 19}
                training: {batch: 10, epochs: 6, optimizer: {name: adam, learning_rate: 0.01}, clip_norm: 0.5}
                validation: {every_epochs: 2, batch: 9}
                logging: {every_steps: 1}
                communication: {reduction: reproducible}

                """, to: "task.yaml")
            let one = try await folder.train("task.yaml", into: "one")
            for ranks in selection(task == "adding" ? [2, 3, 12] : [3], of: [2, 3, 12]) {
                let run = try await folder.train("task.yaml", into: "run", ranks: ranks, "--overwrite")
                try expectSameBits(run, one, "\(ranks) ranks")
            }
        }

        @Test(
            "for every cell and optimiser",
            arguments: [
                "model.cell=gru", "model.cell=rnn", "training.optimizer.name=sgd", "training.optimizer.name=momentum",
                "training.optimizer.name=nesterov", "training.optimizer.name=rmsprop",
                "training.optimizer.name=adagrad", "training.optimizer.name=adamw",
                "training.schedule.name=cosine", "training.schedule.warmup_steps=7",
            ])
        func optimisers(key: String) async throws {
            let folder = try folder()
            let keys = [key, "training.steps=20"]
            let one = try await folder.train("words.yaml", into: "one", set: keys)
            for ranks in selection([3], of: [2, 3]) {
                let run = try await folder.train("words.yaml", into: "run", ranks: ranks, "--overwrite", set: keys)
                try expectSameBits(run, one, "\(ranks) ranks")
            }
        }

        @Test("evaluate prints the same bytes", arguments: kinds.map(\.name))
        func evaluate(kind: String) async throws {
            let folder = try folder()
            try await folder.train("\(kind).yaml", into: "run", set: ["training.steps=20"])
            let one = try await folder.lstmDist("evaluate", "run", ranks: 1)
            #expect(one.exitCode == 0 && one.output.contains("\"loss\""), "\(one.errors)")
            for ranks in selection(kind == "words" ? [2, 3, 4] : [3], of: [2, 3, 4, 5]) {
                let other = try await folder.lstmDist("evaluate", "run", ranks: ranks)
                #expect(other.output == one.output, "\(ranks) ranks")
            }
        }

        @Test("the fast order gives different bits, so the comparison is meaningful")
        func fast() async throws {
            let folder = try folder()
            let keys = ["training.steps=20", "communication.reduction=fast"]
            let one = try await folder.train("dropout.yaml", into: "one", set: keys)
            let three = try await folder.train("dropout.yaml", into: "three", ranks: 3, set: keys)
            #expect(try one.latest("model.safetensors") != three.latest("model.safetensors"))
        }

        @Test("a plain MPI_Allreduce is refused", arguments: [1, 2])
        func plainAllreduce(ranks: Int) async throws {
            let folder = try folder()
            let run = try await folder.lstmDist(
                "train", "dropout.yaml", "--set", "communication.averaging=allreduce", ranks: ranks)
            #expect(run.exitCode == 2)
            #expect(
                run.errors == """
                    lstm-dist: --set communication.averaging is allreduce, which sums in MPI's order, but \
                    communication.reduction is reproducible; accepted: averaging: auto, or reduction: fast

                    """)
        }

        @Test("a checkpoint records the order of sums, and a run that resumes with a different one reports it")
        func definition() async throws {
            let folder = try folder()
            try await folder.train("dropout.yaml", into: "run", set: ["training.steps=3"])
            let state = try JSONValue(parsing: folder.text(of: "run/checkpoints/latest/state.json"))
            #expect(state["extra"]?["sums"]?["reduction"]?.stringValue == "reproducible")
            #expect(state["extra"]?["sums"]?["definition"]?.integerValue == 2)
            let changed = try await folder.lstmDist(
                "train", "dropout.yaml", "--run", "run", "--set", "training.steps=5", "--set",
                "communication.reduction=fast", ranks: 2)
            #expect(changed.exitCode == 0)
            let lines = changed.errors.split(separator: "\n").filter { $0.hasPrefix("sums: ") }
            #expect(lines.count == 1)
            #expect(
                lines.first?.contains("until here reproducible, definition 2, SIMD level ") == true
                    && lines.first?.contains("from here on fast, SIMD level ") == true)
        }

        /// Ranks without shared memory have separate parameters.
        @Test(
            "a rank whose parameters differ is reported with the tensor",
            arguments: ["fast", "reproducible"])
        func failingRank(reduction: String) async throws {
            let folder = try TestFolder.withText(
                """
                task: language-model
                data: {train: text.txt, tokenizer: character}
                model: {hidden: 12, embedding: 5}
                training: {batch: 6, window: 5, verify_every_steps: 5}
                communication: {reduction: \(reduction)}

                """)
            func run(_ words: String...) async throws -> MPIRun {
                try await MPIRun.run(
                    BuiltProduct.named("FailingRank"), ["small.yaml", "12"] + words, ranks: 3, in: folder.url,
                    environment: ["OMPI_MCA_osc": "^sm"])
            }
            let good = try await run()
            #expect(good.exitCode == 0 && good.output == "done\n", "\(good.errors)")
            for (after, noticed) in [(0, 0), (7, 10)] {
                let bad = try await run("1", "\(after)", "rnn.weight_hh_l0")
                #expect(bad.exitCode == 1)
                #expect(bad.output.hasPrefix("step \(noticed): the parameters of rank 1 on "), "\(bad.output)")
                // All ranks update with the same sums, so no other tensor differs.
                #expect(bad.output.contains("differ from those of rank 0; first differing tensor: rnn.weight_hh_l0."))
            }
        }
    }
}
