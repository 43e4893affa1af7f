// Non-finite values: detected on all ranks, reported, and never in a checkpoint.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension FaultTests {
    @Suite("non-finite values")
    struct NonFiniteTests {
        /// Wide enough that each of three ranks owns parts of several ranges.
        private static func config(_ keys: String) -> String {
            """
            task: language-model
            data: {train: text.txt, tokenizer: character}
            model: {layers: 2, hidden: 70, embedding: 30}
            training: {batch: 7, window: 9\(keys)}

            """
        }

        private func run(_ folder: TestFolder, _ words: String..., ranks: Int, shared: Bool) async throws -> MPIRun {
            try await MPIRun.run(
                BuiltProduct.named("FailingRank"), ["small.yaml"] + words, ranks: ranks, in: folder.url,
                environment: shared ? [:] : ["OMPI_MCA_osc": "^sm"])
        }

        @Test(
            "a non-finite value on any rank is detected in its step, and the rank is named",
            arguments: selection(
                // Without shared memory one rank is enough: the sums alone determine which rank it is.
                [
                    (0, 1, "fast", true), (0, 3, "reproducible", true), (1, 3, "fast", true), (2, 3, "fast", true),
                    (2, 3, "fast", false), (2, 3, "reproducible", false),
                ],
                of: [(0, 1), (0, 3), (1, 3), (2, 3)].flatMap { rank, ranks in
                    ["fast", "reproducible"].flatMap { [(rank, ranks, $0, true), (rank, ranks, $0, false)] }
                }))
        func named(rank: Int, ranks: Int, reduction: String, shared: Bool) async throws {
            let folder = try TestFolder.withText(Self.config("") + "communication: {reduction: \(reduction)}\n")
            let bad = try await run(folder, "9", "\(rank)", "4", "state", ranks: ranks, shared: shared)
            #expect(bad.exitCode == 1)
            let beginning = "step 5: non-finite loss or gradient, from rank \(rank) on "
            #expect(bad.output.hasPrefix(beginning), "\(bad.output)\(bad.errors)")
            #expect(
                bad.output.contains("gradient norm NaN, first in the gradient of embedding.weight)"),
                "\(bad.output)")
        }

        @Test(
            "a non-finite value in one rank's gradient alone is detected, too",
            arguments: selection(
                [
                    (0, "fast", true), (1, "fast", true), (2, "fast", true), (1, "fast", false),
                    (1, "reproducible", true), (2, "reproducible", false),
                ],
                of: (0..<3).flatMap { rank in
                    ["fast", "reproducible"].flatMap { [(rank, $0, true), (rank, $0, false)] }
                }))
        func gradient(rank: Int, reduction: String, shared: Bool) async throws {
            let folder = try TestFolder.withText(
                """
                task: adding
                data: {length: 24, sequences_per_epoch: 70}
                model: {layers: 2, hidden: 70}
                training: {batch: 7}
                communication: {reduction: \(reduction)}

                """)
            let bad = try await run(folder, "9", "\(rank)", "4", "target", ranks: 3, shared: shared)
            #expect(bad.exitCode == 1)
            let beginning = "step 5: non-finite loss or gradient, from rank \(rank) on "
            #expect(bad.output.hasPrefix(beginning), "\(bad.output)\(bad.errors)")
            let loss = try #require(bad.output.firstMatch(of: #/\(loss ([^,]*), gradient norm/#), "\(bad.output)")
                .output.1
            #expect(try #require(Double(loss)) > 1e75)
            #expect(bad.output.contains(", first in the gradient of rnn.weight_ih_l0)"), "\(bad.output)")
        }

        @Test("with nonfinite: skip, only that step is lost", arguments: [1, 3])
        func skipped(ranks: Int) async throws {
            let folder = try TestFolder.withText(Self.config(", nonfinite: skip"))
            let run = try await run(folder, "9", "0", "4", "state", ranks: ranks, shared: true)
            let lines = run.output.split(separator: "\n")
            #expect(run.exitCode == 0, "\(run.errors)")
            #expect(lines.count == 2, "\(run.output)")
            #expect(lines.first?.hasPrefix("update skipped: step 5: non-finite loss or gradient, ") == true)
            #expect(lines.last == "done")
        }

        /// Writes a run's initial weights, with all values of one tensor, or of all tensors, set to `value`.
        private func write(_ value: Float, of tensor: String? = nil, in folder: TestFolder) async throws {
            let run = try await folder.train("small.yaml", into: "first", set: ["training.steps=1"])
            var bytes = try run.latest("model.safetensors")
            var offset = 8 + bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            let model = try run.model()
            for name in model.names {
                let count = try #require(model.count(of: name))
                let number = withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
                if tensor == nil || name == tensor {
                    bytes.replaceSubrange(
                        offset..<offset + 4 * count, with: repeatElement(number, count: count).joined())
                }
                offset += 4 * count
            }
            #expect(offset == bytes.count)
            try Data(bytes).write(to: folder.url(of: "changed.safetensors"))
        }

        @Test("weights that an update made infinite reach no checkpoint", arguments: [1, 2])
        func weights(ranks: Int) async throws {
            let folder = try TestFolder.withText()
            // A bias that saturates every gate has no gradient, so the first update subtracts twice its value, beyond
            // the largest float.
            try await write(3e38, of: "rnn.bias_ih_l1", in: folder)
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--quiet", "--init-from", "changed.safetensors", "--set",
                "training.nonfinite=skip", "--set",
                "training.optimizer={name: sgd, learning_rate: 1, weight_decay: 3}", ranks: ranks)
            let lines = run.errors.split(separator: "\n")
            let warnings = lines.dropLast()
            #expect(run.exitCode == 1)
            #expect(!warnings.isEmpty && warnings.allSatisfy { $0.hasPrefix("warning: step ") }, "\(run.errors)")
            #expect(
                lines.last?.hasPrefix("lstm-dist: the weights are no longer finite after step 30, ") == true,
                "\(run.errors)")
            #expect(try folder.run("run").checkpointNames() == [])
            let last = try #require(try folder.run("run").metrics().last)
            let skipped = try #require(last["skipped_steps"]?.integerValue)
            #expect(skipped >= warnings.count)
            #expect(warnings.count == (1...skipped).filter { $0 <= 8 || $0.nonzeroBitCount == 1 }.count)
        }

        @Test(
            "of many skipped updates the first are reported, then each doubling, and at the end the total",
            arguments: [1, 2])
        func many(ranks: Int) async throws {
            let folder = try TestFolder.withText()
            // So large that every sum of two values overflows: no step makes an update. The values themselves are
            // finite.
            try await write(3e38, in: folder)
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--quiet", "--init-from", "changed.safetensors", "--set",
                "training.nonfinite=skip", "--set", "training.steps=20", ranks: ranks)
            #expect(run.exitCode == 0)
            let lines = run.errors.split(separator: "\n")
            #expect(lines.count == 8 + 1 + 1, "\(run.errors)")
            for (line, count) in zip(lines, Array(1...8) + [16]) {
                #expect(
                    line.hasPrefix("warning: step \(count): non-finite loss or gradient, "),
                    "\(line)")
                #expect(line.contains(" (loss NaN, "), "\(line)")
                #expect(line.contains("; update skipped (\(count) so far"), "\(line)")
                #expect(line.hasSuffix("; next warning at \(2 * count))") == (count >= 8), "\(line)")
            }
            #expect(lines.last == "warning: 20 of 20 updates skipped (training.nonfinite: skip)")
            #expect(try folder.run("run").metrics().last?["skipped_steps"]?.integerValue == 20)
        }

        @Test("if training stops, the message names the last good checkpoint")
        func stopped() async throws {
            let folder = try TestFolder.withText()
            let rule = "training.optimizer={name: sgd, learning_rate: 1.0e-9, weight_decay: 1.0e+6}"
            try await folder.train("small.yaml", into: "run", set: ["training.steps=8", rule])
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--quiet", "--set",
                rule.replacingOccurrences(of: "1.0e-9", with: "1.0e+6"),
                "--set", "training.clip_norm=0", ranks: 3)
            #expect(run.exitCode == 1)
            #expect(run.errors.hasPrefix("lstm-dist: step "), "\(run.errors)")
            #expect(run.errors.contains("; the last checkpoint, of step 8, is good; try a smaller "), "\(run.errors)")
            #expect(try folder.run("run").target(of: "latest") == "step-00000008")
            #expect(try folder.run("run").outcome()["state"]?.stringValue == "failed")
        }
    }
}
