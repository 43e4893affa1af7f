// launch/local: stops that would lose work under mpirun alone, and an mpirun that never ends.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

extension WaitingTests {
    @Suite("launch/local", .serialized)
    struct LocalTests {
        private static let script = ProjectFiles.folder.appending(path: "launch/local")
        private static let config = """
            task: language-model
            data: {train: text.txt, validation_fraction: 0.2, tokenizer: character}
            model: {hidden: 24, embedding: 9}
            training: {batch: 10, window: 12, steps: 1000000}
            validation: {every_steps: 1000}
            checkpoint: {every_steps: 1000}
            logging: {every_steps: 5}

            """
        private static let words = ["2", "train", "small.yaml", "--run", "run", "--quiet"]

        private func start(in folder: TestFolder, path: String? = nil) throws -> StartedRun {
            var environment = ["LSTM_DIST": try TestFolder.program.path]
            if let path { environment["PATH"] = path }
            return try StartedRun(Self.script, Self.words, ranks: nil, in: folder.url, environment: environment)
        }

        @Test("SIGINT, SIGTERM and SIGHUP stop a training cleanly, each in a separate session")
        func signals() async throws {
            let folder = try TestFolder.withText(Self.config)
            var before = 0
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                let run = try start(in: folder)
                try await folder.run("run").wait(for: run, lines: before / 5 + 1)
                run.send(signal)
                let ended = try await run.result()
                #expect(ended.exitCode == 75, "signal \(signal): \(ended.errors)")
                let outcome = try folder.run("run").outcome()
                #expect(outcome["state"]?.stringValue == "stopped", "signal \(signal)")
                let step = try #require(outcome["step"]?.integerValue)
                #expect(before < step, "signal \(signal): step \(step)")
                #expect(
                    folder.has("\(folder.run("run").checkpoint(step))/state.json"), "signal \(signal): step \(step)")
                before = step
            }
        }

        @Test("an mpirun that no longer notices that its ranks are dead is ended")
        func stuck() async throws {
            let folder = try TestFolder.withText(Self.config)
            // It starts a rank that ends at once, and never waits for it.
            let path = try folder.write(program: "#!/bin/sh\ntrue & exec sleep 1000\n", to: "mpirun")
            let run = try start(in: folder, path: path)
            let ended = try await run.result()
            #expect(ended.exitCode == 137)
            #expect(ended.errors.contains("all ranks are dead, but mpirun has not noticed"), "\(ended.errors)")
        }
    }
}
