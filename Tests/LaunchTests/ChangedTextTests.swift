// Texts that change during or after a training, or differ between ranks.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension FaultTests {
    @Suite("changed texts")
    struct ChangedTextTests {
        private func trained(_ keys: [String]) async throws -> TestFolder {
            let folder = try TestFolder.withText()
            try await folder.train("small.yaml", into: "run", set: ["training.steps=2"] + keys)
            return folder
        }

        @Test("evaluate compares a fraction of the training text with the training's, on every rank")
        func fraction() async throws {
            let folder = try await trained(["data.validation_fraction=0.1"])
            let text = try folder.text(of: "text.txt")
            let same = try await folder.lstmDist("evaluate", "run")
            #expect(same.errors == "")
            #expect(same.exitCode == 0)

            let changed = String(text.reversed())
            let other = folder.url(of: "other")
            try folder.make("other")
            try folder.write(changed, to: "other/text.txt")
            let words = [try TestFolder.program.path, "evaluate", folder.url(of: "run").path]
            let ranks = try await MPIRun.run(
                URL(filePath: "/usr/bin/env"),
                ["mpirun", "-q", "-n", "1"] + words + [":", "-n", "1", "--wdir", other.path] + words, ranks: nil,
                in: folder.url)
            #expect(ranks.errors.contains("reads a different data.train from rank 0"), "\(ranks.errors)")
            #expect(ranks.exitCode == 2)

            try folder.write(changed, to: "text.txt")
            let refused = try await folder.lstmDist("evaluate", "run")
            let (then, now) = (Checksum.sha256(of: text), Checksum.sha256(of: changed))
            #expect(
                refused.errors
                    == "lstm-dist: \(folder.run("run").checkpoint(2)): data.train has changed: "
                    + "\(text.utf8.count) bytes with SHA-256 \(then) in the training, \(text.utf8.count) bytes with "
                    + "SHA-256 \(now) now, so what is scored may have been trained on; use the data of the "
                    + "training, or --data FILE\n")
            #expect(refused.exitCode == 2)
            #expect(refused.output == "")
        }

        @Test(
            "a text that is shortened or overwritten during a training ends it with one message that names it",
            arguments: [true, false])
        func duringTraining(shortens: Bool) async throws {
            let folder = try TestFolder.withText(smallConfig.replacing("steps: 30", with: "steps: 100000000"))
            let run = try folder.start("train", "small.yaml", "--run", "run", "--quiet", ranks: 2)
            try await folder.run("run").wait(for: run)
            let file = try FileHandle(forWritingTo: folder.url(of: "text.txt"))
            if shortens {
                try file.truncate(atOffset: 0)
            } else {
                try file.write(contentsOf: Data(String(repeating: "Ž", count: 6000).utf8))
            }
            try file.close()
            let ended = try await run.result()
            let change = shortens ? "was shortened while it was being read" : "has changed since it was opened"
            #expect(ended.errors.contains("text.txt: the file \(change)"), "\(ended.errors)")
            #expect(!ended.errors.contains("backtrace") && ended.errors.count < 2000, "\(ended.errors)")
            #expect(ended.exitCode == 2)
        }

        @Test("evaluate of a changed validation text warns, and a short one is scored in the streams that fit")
        func validation() async throws {
            let folder = try TestFolder.withText().write(inventedText(words: 400, seed: 5), to: "other.txt")
            try await folder.train(
                "small.yaml", into: "run",
                set: [
                    "training.steps=2", "data.validation=other.txt", "validation.batch=12", "validation.every_epochs=1",
                ])
            let warning = "the text is too short for validation.batch 12: it is scored in"
            try folder.write("the sea", to: "other.txt")
            let run = try await folder.lstmDist("evaluate", "run", "--quiet")
            #expect(run.errors.contains("warning: \(folder.run("run").checkpoint(2)): data.validation has changed"))
            #expect(run.errors.hasSuffix("warning: \(warning) 3 streams, and the loss depends on their number\n"))
            #expect(try JSONValue(parsing: run.output)["tokens"]?.integerValue == 3)
            try folder.write("on", to: "two.txt")
            let two = try await folder.lstmDist("evaluate", "run", "--data", "two.txt", ranks: 2)
            #expect(two.errors == "warning: \(warning) 1 stream, and the loss depends on their number\n")
            #expect(try JSONValue(parsing: two.output)["tokens"]?.integerValue == 1)
            try folder.write("o", to: "one.txt")
            let one = try await folder.lstmDist("evaluate", "run", "--data", "one.txt")
            #expect(
                one.errors == "lstm-dist: one.txt: a text of 1 token cannot be scored; accepted: at least 2 tokens\n")
            #expect(one.exitCode == 2)
        }
    }
}
