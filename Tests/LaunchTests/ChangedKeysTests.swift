// The keys that may change when a run is resumed, and those that are refused with their old and new value.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension LaunchTests {
    @Suite("resuming with another configuration")
    struct ChangedKeysTests {
        private static let complaint = "lstm-dist: run/checkpoints/step-00000030: "
        private static let accepted = "another --run, or --overwrite to start over\n"

        private func trained() async throws -> TestFolder {
            let folder = try TestFolder.withText()
            try folder.copy(try await ReferenceRuns.run(smallConfig), as: "run")
            return folder
        }

        @Test("learning rate, schedule, steps, clipping and logging may change, and the log reports it")
        func changeable() async throws {
            let folder = try await trained()
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--set", "training.steps=40", "--set",
                "training.optimizer.learning_rate=0.003", "--set",
                "training.schedule={name: step, factor: 0.5, every_epochs: 1}",
                "--set", "training.clip_norm=1", "--set", "logging.every_steps=2", ranks: 2)
            #expect(run.exitCode == 0)
            #expect(
                run.errors.split(separator: "\n").filter { $0.hasPrefix("changed ") } == [
                    "changed since the checkpoint: training.steps was 30 and is now 40",
                    "changed since the checkpoint: training.clip_norm was 5.0 and is now 1.0",
                    "changed since the checkpoint: logging.every_steps was 1 and is now 2",
                    "changed since the checkpoint: training.optimizer.learning_rate was 0.01 and is now 0.003",
                    "changed since the checkpoint: training.schedule.name was constant and is now step",
                    "changed since the checkpoint: training.schedule.factor was not given and is now 0.5",
                    "changed since the checkpoint: training.schedule.every_epochs was not given and is now 1",
                ])
            #expect(try folder.run("run").metrics("train").count == 35)
        }

        @Test("model, data and seed may not change: each is reported with its old and new value")
        func refused() async throws {
            let folder = try await trained()
            let before = try folder.run("run").lines()
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--set", "model.hidden=14", "--set", "data.tokenizer=byte",
                "--set",
                "training.seed=2", "--set", "training.steps=40", ranks: 3)
            #expect(
                run.errors == Self.complaint + "this run cannot resume with another configuration: "
                    + "data.tokenizer was character and is now byte; model.hidden was 13 and is now 14; "
                    + "training.seed was 1 and is now 2; use the values it was started with, " + Self.accepted)
            #expect(run.output == "")
            #expect(run.exitCode == 2)
            #expect(try folder.run("run").lines() == before)
            #expect(try folder.text(of: "run/config.yaml").contains("hidden: 13"))
        }

        @Test("another training text under the same path is refused")
        func changedText() async throws {
            let folder = try await trained()
            let path = folder.url(of: "text.txt").path
            let (bytes, then) = (try folder.bytes(of: "text.txt").count, try Checksum.sha256(ofFile: path))
            try folder.write(folder.text(of: "text.txt").replacing("river", with: "reevr"), to: "text.txt")
            let now = try Checksum.sha256(ofFile: path)
            let run = try await folder.lstmDist("train", "small.yaml", "--run", "run", ranks: 3)
            #expect(
                run.errors == Self.complaint + "data.train has changed: \(bytes) bytes with SHA-256 \(then) "
                    + "then, \(bytes) bytes with SHA-256 \(now) now; use the text it was started with, "
                    + Self.accepted)
            #expect(run.exitCode == 2)
        }

        @Test("a run resumes with the same training text under another path")
        func movedText() async throws {
            let folder = try await trained()
            try folder.move("text.txt", to: "moved.txt")
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--quiet", "--set", "data.train=moved.txt", "--set",
                "training.steps=32")
            #expect(run.errors == "")
            #expect(run.exitCode == 0)
            #expect(try folder.run("run").metrics("train").count == 32)
        }

        @Test("--resume never on a used folder, and --init-from with an existing checkpoint, are refused")
        func usedFolder() async throws {
            let folder = try await trained()
            let never = try await folder.lstmDist("train", "small.yaml", "--run", "run", "--resume", "never", ranks: 3)
            #expect(
                never.errors
                    == "lstm-dist: run: the run folder is already in use and --resume never was given; use "
                    + "--overwrite to empty it, another --run, or --resume auto to continue\n")
            #expect(never.exitCode == 2)
            let weights = "run/checkpoints/latest/model.safetensors"
            let other = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--init-from", weights, ranks: 3)
            #expect(
                other.errors
                    == "lstm-dist: --init-from \(weights): run has a checkpoint to resume from, and did not start from "
                    + "these weights; use the file that it started from, --overwrite, or another --run\n")
            #expect(other.exitCode == 2)
            #expect(try folder.run("run").metrics("train").count == 30)
        }

        @Test("the same command with --init-from resumes; other weights are refused", arguments: [1, 3])
        func initialWeights(ranks: Int) async throws {
            let folder = try await trained()
            let begun = "run/checkpoints/latest/model.safetensors"
            func train(_ steps: Int, into run: String, from file: String) async throws -> MPIRun {
                try await folder.lstmDist(
                    "train", "small.yaml", "--run", run, "--quiet", "--init-from", file, "--set",
                    "training.steps=\(steps)",
                    ranks: ranks)
            }
            for steps in [3, 5, 8] {
                let run = try await train(steps, into: "legs", from: begun)
                #expect(run.exitCode == 0, "\(run.errors)")
            }
            #expect(try await train(8, into: "whole", from: begun).exitCode == 0)
            try expectSame(folder.run("legs"), folder.run("whole"))
            let other = try await train(9, into: "legs", from: "legs/checkpoints/latest/model.safetensors")
            #expect(other.exitCode == 2)
            #expect(other.errors.contains("legs has a checkpoint to resume from, and did not start from these weights"))
        }
    }
}
