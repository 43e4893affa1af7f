// Reduction in shared memory and by MPI_Allreduce: the same training, and the first falls back to the second.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension LaunchTests {
    @Suite("averaging")
    struct AveragingTests {
        /// Wide enough that each of four ranks owns parts of several ranges.
        private static let config = """
            task: language-model
            data: {train: text.txt, validation_fraction: 0.1, tokenizer: character}
            model: {layers: 2, hidden: 70, embedding: 30}
            training: {batch: 13, window: 9, steps: 40, optimizer: {name: adam, learning_rate: 0.005}, clip_norm: 0.5}
            communication: {reduction: fast}
            validation: {every_steps: 20}
            logging: {every_steps: 1}

            """

        private func folder() throws -> TestFolder { try TestFolder.withText(Self.config) }

        private func averaging(_ run: RunFiles) throws -> String? {
            try JSONValue(parsing: run.folder.text(of: "\(run.name)/environment.json"))["averaging"]?.stringValue
        }

        @Test(
            "both reductions give the same losses and weights; with two ranks, where sums have one order, the same bits",
            arguments: 1...4)
        func ways(ranks: Int) async throws {
            let folder = try folder()
            let shared = try await folder.train("small.yaml", into: "shared", ranks: ranks)
            let plain = try await folder.train(
                "small.yaml", into: "plain", ranks: ranks, set: ["communication.averaging=allreduce"])
            #expect(try averaging(shared) == (ranks == 1 ? "none, one rank" : "shared window, \(ranks) ranks"))
            #expect(try averaging(plain) == (ranks == 1 ? "none, one rank" : "MPI_Allreduce over all ranks"))
            expectClose(try shared.figures(), try plain.figures(), within: 1e-6)
            expectClose(try shared.figures("gradient_norm"), try plain.figures("gradient_norm"), within: 1e-5)
            expectClose(try shared.figures(of: "validation"), try plain.figures(of: "validation"), within: 1e-6)
            try expectClose(shared.model(), plain.model(), within: 1e-4)
            if ranks <= 2 { try expectSame(shared, plain) }
        }

        /// Words: most rows of the embedding are reached by the tokens of one rank or of none.
        private static let words = """
            task: language-model
            data: {train: text.txt, validation_fraction: 0.1, tokenizer: word}
            model: {layers: 1, hidden: 20, embedding: 37}
            training: {batch: 6, window: 3, steps: 40, optimizer: {name: sgd, learning_rate: 1}, clip_norm: 0.5}
            communication: {reduction: fast}
            logging: {every_steps: 1}

            """

        @Test(
            "sums and updates of an embedding's reached rows equal those of all rows",
            arguments: selection([2, 4], of: [1, 2, 3, 4]))
        func embeddingRows(ranks: Int) async throws {
            let folder = try TestFolder.withText(Self.words)
            let shared = try await folder.train("small.yaml", into: "shared", ranks: ranks)
            let plain = try await folder.train(
                "small.yaml", into: "plain", ranks: ranks, set: ["communication.averaging=allreduce"])
            // An update of all rows, even those without a gradient, with a negligible decay.
            let dense = try await folder.train(
                "small.yaml", into: "dense", ranks: ranks, set: ["training.optimizer.weight_decay=1.0e-30"])
            try expectSame(shared, dense)
            expectClose(try shared.figures("gradient_norm"), try plain.figures("gradient_norm"), within: 1e-5)
            try expectClose(shared.model(), plain.model(), within: 1e-4)
            if ranks <= 2 { try expectSame(shared, plain) }
        }

        @Test("a run resumes with a different reduction and number of ranks, and the log reports it")
        func resumed() async throws {
            let folder = try folder()
            let never = try await folder.train("small.yaml", into: "never", ranks: 3)
            try await folder.train(
                "small.yaml", into: "run", ranks: 2, set: ["training.steps=11", "communication.averaging=allreduce"])
            let changed = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--set", "training.steps=25", ranks: 4)
            #expect(changed.exitCode == 0)
            let lines = changed.errors.split(separator: "\n")
            #expect(
                lines.contains("changed since the checkpoint: communication.averaging was allreduce and is now auto"))
            #expect(lines.contains("averaging: shared window, 4 ranks"))
            try await folder.train(
                "small.yaml", into: "run", ranks: 3, set: ["communication.averaging=allreduce"])
            let run = folder.run("run")
            expectClose(try run.figures(), try never.figures(), within: 1e-5)
            try expectClose(run.model(), never.model(), within: 1e-4)
            let state = { (run: RunFiles) in
                try SafetensorsFile(folder.url(of: "\(run.name)/checkpoints/latest/training.safetensors").path)
            }
            try expectClose(state(run), state(never), within: 1e-3)
        }

        @Test("more ranks than sequences, and parts of a rank's sequences, make no difference")
        func fewSequences() async throws {
            let folder = try folder()
            let keys = ["training.batch=3", "validation.batch=3"]
            let one = try await folder.train("small.yaml", into: "one", set: keys)
            let four = try await folder.train("small.yaml", into: "four", ranks: 4, set: keys)
            let parts = try await folder.train(
                "small.yaml", into: "parts", ranks: 2, set: keys + ["training.accumulate=3"])
            for other in [four, parts] {
                expectClose(try other.figures(), try one.figures(), within: 1e-5)
                try expectClose(other.model(), one.model(), within: 1e-4)
            }
        }

        @Test(
            "without a shared window, training reports the reason and uses MPI_Allreduce",
            arguments: [
                ("osc", "^sm", "MPI_Win_allocate_shared failed: "),
                ("osc_sm_backing_directory", "/proc", "not enough shared memory in /proc: 0 MiB free, the ranks of"),
            ])
        func refused(parameter: String, value: String, reason: String) async throws {
            let folder = try folder()
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "refused", ranks: 2, environment: ["OMPI_MCA_\(parameter)": value])
            #expect(run.exitCode == 0)
            let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("averaging: ") }
            #expect(lines.count == 1)
            let begin = "averaging: plain MPI_Allreduce, since the ranks can't share memory: \(reason)"
            #expect(lines.first?.hasPrefix(begin) == true, "\(run.errors)")
            #expect(try averaging(folder.run("refused")) == "MPI_Allreduce over all ranks")
            let plain = try await folder.train(
                "small.yaml", into: "plain", ranks: 2, set: ["communication.averaging=allreduce"])
            #expect(try folder.run("refused").lines() == plain.lines())
        }

        @Test("an unknown reduction is refused")
        func unknown() async throws {
            let run = try await folder().lstmDist(
                "train", "small.yaml", "--run", "run", "--set", "communication.averaging=ring", ranks: 2)
            #expect(run.errors.contains("communication.averaging"))
            #expect(run.errors.contains("auto") && run.errors.contains("allreduce"))
            #expect(run.exitCode == 2)
        }

        @Test("a non-finite loss ends all ranks with one message")
        func notFinite() async throws {
            let run = try await folder().lstmDist(
                "train", "small.yaml", "--run", "run", "--quiet", "--set",
                "training.optimizer={name: sgd, learning_rate: 1.0e+6, weight_decay: 1.0e+6}", "--set",
                "training.clip_norm=0", ranks: 3)
            #expect(run.errors.hasPrefix("lstm-dist: step "), "\(run.errors)")
            #expect(run.errors.contains(": non-finite loss or gradient, "))
            #expect(run.errors.split(separator: "\n").count == 1)
            #expect(run.exitCode == 1)
        }
    }
}
