// Run folders whose file system has no links, and copies in which links became folders.

import Foundation
import LaunchSupport
import Testing

extension FaultTests {
    @Suite("run folders without links")
    struct MissingLinksTests {
        /// Several checkpoints, of which the older ones are removed; the best one is kept.
        private static let config = """
            task: language-model
            data: {train: text.txt, validation_fraction: 0.2, tokenizer: character}
            model: {hidden: 11, embedding: 5}
            training: {batch: 10, window: 21, steps: 40, optimizer: {name: momentum, learning_rate: 3.0}}
            validation: {every_steps: 5}
            checkpoint: {every_steps: 5, keep: 2}
            logging: {every_steps: 1}

            """

        @Test(
            "training, status, evaluate and resuming work, with one warning at most",
            arguments: ["symbolic", "hard", "both"])
        func missing(kind: String) async throws {
            let folder = try TestFolder.withText(Self.config)
            let library = try PreloadedLibrary("no_links.c")
            defer { withExtendedLifetime(library) {} }  // it is loaded until the run ends
            let never = try await folder.train("small.yaml", into: "never")
            let environment = ["LD_PRELOAD": library.path, "NO_LINKS": kind]
            func command(_ words: String...) async throws -> MPIRun {
                try await folder.lstmDist(words, environment: environment)
            }
            for steps in [25, 40] {
                let ended = try await command(
                    "train", "small.yaml", "--run", "run", "--quiet", "--set", "training.steps=\(steps)")
                #expect(
                    ended.errors
                        == (kind == "hard"
                            ? ""
                            : "warning: The link run/checkpoints/latest cannot be made: Operation not supported. best and latest are "
                                + "left out; the checkpoints are complete, and state.json names the best step.\n"))
                #expect(ended.exitCode == 0)
                #expect(!folder.has("run/lock"))
            }
            let run = folder.run("run")
            #expect(try run.lines() == never.lines())
            for file in ["model.safetensors", "training.safetensors"] {
                let same =
                    try folder.bytes(of: "\(run.checkpoint(40))/\(file)")
                    == folder.bytes(of: "\(never.checkpoint(40))/\(file)")
                #expect(same, "\(file)")
            }
            try run.expectTidy()
            let links = ["best", "latest"]
            #expect(
                try run.checkpointNames().filter { !links.contains($0) }
                    == never.checkpointNames().filter { !links.contains($0) })
            // The output is the same as for a run with links.
            for verb in ["status", "evaluate"] {
                func lines(_ name: String) async throws -> [Substring] {
                    try await command(verb, name).output.replacing("never", with: "run").split(separator: "\n")
                        .filter { !$0.contains("tokens/s") }
                }
                #expect(try await lines("run") == lines("never"))
            }
        }

        @Test("best and latest that a copy turned into folders are read, and replaced by the next checkpoint")
        func copies() async throws {
            let folder = try TestFolder.withText(Self.config)
            let never = try await folder.train("small.yaml", into: "never")
            try await folder.train("small.yaml", into: "first", set: ["training.steps=25"])
            let copy = try Process.run(
                URL(filePath: "/bin/cp"),
                arguments: ["-rL", folder.url(of: "first").path, folder.url(of: "run").path])
            copy.waitUntilExit()
            let run = folder.run("run")
            #expect(throws: (any Error).self) { try run.target(of: "latest") }
            let status = try await folder.lstmDist("status", "run").output
            #expect(status.contains("checkpoint  latest of step 25, best of step "), "\(status)")
            try await folder.train("small.yaml", into: "run")
            try expectSame(run, never)
            #expect(try run.target(of: "latest") == never.target(of: "latest"))
            #expect(try run.target(of: "best") == never.target(of: "best"))
        }
    }
}
