// Weights that a training begins with: the vocabulary that they belong to.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension CommandLineTests {
    @Suite("initial weights")
    struct InitialWeightsTests {
        @Test(
            "weights of another vocabulary of the same size are refused, exported or of a checkpoint; others are accepted"
        )
        func vocabulary() async throws {
            let folder = try TestFolder.withText()
            try folder.write(folder.text(of: "text.txt").replacing("s", with: "z"), to: "other.txt")
            try await folder.train("small.yaml", into: "first", set: ["training.steps=1"])
            let exported = try await folder.lstmDist(
                "export", "first", "--format", "safetensors", "--output", "w.safetensors", "--quiet")
            #expect(exported.exitCode == 0, "\(exported.errors)")
            // A copy names its vocabulary, too; a file from elsewhere does not.
            var weights = Data(try folder.bytes(of: "first/checkpoints/latest/model.safetensors"))
            try weights.write(to: folder.url(of: "copy.safetensors"))
            weights.replaceSubrange(
                try #require(weights.range(of: Data("vocabulary_sha256".utf8))), with: Data("vocabulary_sha000".utf8))
            try weights.write(to: folder.url(of: "unknown.safetensors"))
            func start(_ weights: String, _ text: String) async throws -> MPIRun {
                try await folder.lstmDist(
                    "train", "small.yaml", "--run", "run", "--overwrite", "--quiet", "--init-from", weights, "--set",
                    "data.train=\(text)", "--set", "training.steps=1")
            }
            for weights in ["w.safetensors", "copy.safetensors", "first/checkpoints/latest/model.safetensors"] {
                let refused = try await start(weights, "other.txt")
                #expect(
                    refused.errors.hasPrefix(
                        "lstm-dist: \(weights): these weights were trained with another vocabulary than that of data.train"
                    ),
                    "\(refused.errors)")
                #expect(refused.exitCode == 2)
                #expect(!folder.has("run"))
            }
            for (weights, text) in [("w.safetensors", "text.txt"), ("unknown.safetensors", "other.txt")] {
                let accepted = try await start(weights, text)
                #expect(accepted.errors == "" && accepted.exitCode == 0)
            }
        }

        @Test("weights that are not finite, and a file of torch.save, are reported as that")
        func notFinite() async throws {
            let folder = try TestFolder.withText()
            try await folder.train("small.yaml", into: "first", set: ["training.steps=1"])
            let model = try folder.run("first").model()
            var bytes = try folder.bytes(of: "first/checkpoints/latest/model.safetensors")
            let last = try #require(model.names.last)
            // The last element of the last tensor.
            bytes.replaceSubrange((bytes.count - 4)..., with: [0, 0, 0xC0, 0x7F])
            try Data(bytes).write(to: folder.url(of: "nan.safetensors"))
            try folder.write("PK\u{3}\u{4}and so on", to: "model.pt")
            for (file, message) in [
                (
                    "nan.safetensors",
                    "nan.safetensors: tensor \(last) has the value nan at element \((model.count(of: last) ?? 0) - 1); "
                        + "accepted: finite weights"
                ),
                (
                    "model.pt",
                    "model.pt is not a valid safetensors file: it was written by torch.save; use "
                        + "safetensors.torch.save_file(model.state_dict(), PATH)."
                ),
            ] {
                let run = try await folder.lstmDist(
                    "train", "small.yaml", "--run", "run", "--quiet", "--init-from", file)
                #expect(run.errors == "lstm-dist: \(message)\n")
                #expect(run.exitCode == 2)
            }
        }
    }
}
