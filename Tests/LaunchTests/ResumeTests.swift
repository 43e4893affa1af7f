// A run that was ended resumes as if it had never been interrupted.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

/// Trainings whose whole state matters: each is named after the state that it needs in addition to weights.
enum Resumable: String, CaseIterable, Sendable {
    /// Optimiser moments, carried states of every stream, the position in the epoch and in the dropout masks.
    case adamWithDropout
    /// The learning rate's factor and the validations since the best one.
    case plateau
    /// The ring of the last training errors.
    case adding

    var config: String {
        switch self {
        case .adamWithDropout:
            """
            task: language-model
            data: {train: text.txt}
            model: {layers: 2, hidden: 11, embedding: 5, dropout: 0.2}
            training: {batch: 10, window: 21, steps: 70, optimizer: {name: adam, learning_rate: 0.01}}
            logging: {every_steps: 1}

            """
        case .plateau:
            """
            task: language-model
            data: {train: text.txt, validation_fraction: 0.2}
            model: {cell: gru, hidden: 11, embedding: 5}
            training:
              batch: 10
              window: 21
              steps: 70
              optimizer: {name: momentum, learning_rate: 3.0}
              schedule: {name: plateau, factor: 0.5, patience: 1, warmup_steps: 20}
            validation: {every_steps: 6}
            logging: {every_steps: 1}

            """
        case .adding:
            """
            task: adding
            data: {length: 24, sequences_per_epoch: 130}
            model: {hidden: 6}
            training: {batch: 40, steps: 70, optimizer: {name: rmsprop, learning_rate: 0.01}}
            validation: {every_steps: 10, batch: 640}
            logging: {every_steps: 1}

            """
        }
    }

    func folder() throws -> TestFolder {
        try TestFolder.withText().write(config, to: "run.yaml")
    }
}

extension LaunchTests {
    @Suite("resuming")
    struct ResumeTests {
        @Test(
            "ended by a lower number of steps, in the middle of an epoch, and resumed: the same bits",
            arguments: selection(
                [
                    (Resumable.adamWithDropout, 1), (Resumable.adamWithDropout, 2), (Resumable.plateau, 2),
                    (Resumable.adding, 2),
                ],
                of: Resumable.allCases.flatMap { [($0, 1), ($0, 2), ($0, 3)] }))
        func lowerSteps(training: Resumable, ranks: Int) async throws {
            let folder = try training.folder()
            let never = try await ReferenceRuns.run(training.config, ranks: ranks)
            try await folder.train("run.yaml", into: "stopped", ranks: ranks, set: ["training.steps=17"])
            try await folder.train("run.yaml", into: "stopped", ranks: ranks, set: ["training.steps=52"])
            let stopped = try await folder.train("run.yaml", into: "stopped", ranks: ranks)
            try expectSame(stopped, never)
            #expect(try never.metrics("train").count == 70)
            // The state differs from that of a new run.
            switch training {
            case .adamWithDropout: #expect(try never.metrics("train").last?["epoch"]?.integerValue ?? 0 > 1)
            case .plateau: #expect(Set(try never.figures("learning_rate").suffix(50)).count > 1)
            case .adding:
                let path = never.folder.url(of: "\(never.checkpoints)/latest/training.safetensors").path
                let state = try SafetensorsFile(path)
                #expect(try state.read("criterion.errors").contains { $0.isFinite })
            }
        }

        @Test("killed after a checkpoint and resumed: the same bits", arguments: [1, 2])
        func killed(ranks: Int) async throws {
            let folder = try TestFolder.withText(
                """
                task: language-model
                data: {train: text.txt}
                model: {hidden: 64, dropout: 0.1}
                training: {batch: 12, window: 20, steps: 1000000}
                checkpoint: {every_steps: 100}
                logging: {every_steps: 7}

                """)
            let killed = folder.run("killed")
            let run = try folder.start("train", "small.yaml", "--run", "killed", "--quiet", ranks: ranks)
            #expect(
                try await becomesTrue { folder.has("\(killed.checkpoint(200))/state.json") })
            try await run.kill()
            let outcome = try killed.outcome()
            #expect(outcome["state"]?.stringValue == "running")
            let step = try #require(outcome["step"]?.integerValue)
            #expect(step >= 100)
            #expect(outcome["next"]?.stringValue?.contains(" && mpirun -n \(ranks) lstm-dist train small.yaml") == true)
            let steps = ["training.steps=\(step + 250)"]
            let never = try await folder.train("small.yaml", into: "never", ranks: ranks, set: steps)
            try await folder.train("small.yaml", into: "killed", ranks: ranks, set: steps)
            try expectSame(killed, never)
            #expect(try killed.checkpointNames() == never.checkpointNames())
        }

        @Test(
            "resumed on another number of ranks: the next 30 losses are those of a run never stopped",
            arguments: [3, 1])
        func otherRanks(ranks: Int) async throws {
            let folder = try Resumable.adamWithDropout.folder()
            let never = try await ReferenceRuns.run(Resumable.adamWithDropout.config, ranks: 2)
            try await folder.train("run.yaml", into: "stopped", ranks: 2, set: ["training.steps=37"])
            let stopped = try await folder.train(
                "run.yaml", into: "stopped", ranks: ranks, set: ["training.steps=67"])
            expectClose(
                try stopped.figures().suffix(30), Array(try never.figures().dropFirst(37).prefix(30)), within: 1e-4)
            #expect(try stopped.metrics().last?["ranks"]?.integerValue == ranks)
        }

        @Test("a complete run reprints its results and stays unchanged")
        func complete() async throws {
            let folder = try Resumable.plateau.folder()
            let run = folder.run("run")
            let words = ["train", "run.yaml", "--run", "run", "--set", "data.test=text.txt"]
            let first = try await folder.lstmDist(words, ranks: 2)
            #expect(first.errors.hasSuffix("done at step 70: all steps are done; run holds the run\n"))
            let files = (try run.lines(), try run.latest("state.json"), try run.outcome())
            let again = try await folder.lstmDist(words, ranks: 2)
            #expect(again.exitCode == 0)
            #expect(again.output == first.output)
            let figures =
                /last training loss \d\S*\nbest validation loss \d\S*\ntest loss \d\S*, perplexity \d\S*, bits_per_token \d\S*\n/
            #expect(again.output.wholeMatch(of: figures) != nil, "\(again.output)")
            #expect(
                again.errors.hasSuffix("\ndone at step 70: all steps are done; run holds the run\n"), "\(again.errors)")
            #expect(try run.lines() == files.0)
            #expect(try run.latest("state.json") == files.1)
            #expect(try run.outcome() == files.2)
        }

        @Test("resuming from an older checkpoint removes later ones and their lines")
        func olderCheckpoint() async throws {
            let folder = try TestFolder.withText()
            let keys = ["checkpoint.every_steps=10", "checkpoint.keep=9"]
            let never = try await folder.train("small.yaml", into: "never", set: keys)
            try await folder.train("small.yaml", into: "run", set: keys)
            let run = try await folder.train(
                "small.yaml", into: "run", "--resume", "run/checkpoints/step-00000010",
                set: keys + ["training.steps=20"])
            #expect(try run.checkpointNames() == ["latest", "step-00000010", "step-00000020"])
            #expect(try run.metrics("train").count == 20)
            try await folder.train("small.yaml", into: "run", set: keys)
            try expectSame(run, never)
        }

        @Test(
            "a damaged newest checkpoint is ignored with a warning, and the run resumes from the previous one",
            arguments: selection([2], of: [1, 2]))
        func damaged(ranks: Int) async throws {
            let folder = try TestFolder.withText()
            let keys = ["checkpoint.every_steps=10"]
            let never = try await folder.train("small.yaml", into: "never", ranks: ranks, set: keys)
            let run = try await folder.train(
                "small.yaml", into: "run", ranks: ranks, set: keys + ["training.steps=20"])
            let (written, damaged) = try folder.damage("\(run.checkpoint(20))/model.safetensors")
            let resumed = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--quiet", "--set", keys[0], ranks: ranks)
            #expect(
                resumed.errors == """
                    warning: The checkpoint run/checkpoints/step-00000020 is damaged: the SHA-256 of model.safetensors is \
                    \(damaged), but \(written) is recorded.

                    """)
            #expect(resumed.exitCode == 0)
            try expectSame(run, never)
        }

        @Test("with all checkpoints damaged, no new run is started over them")
        func allDamaged() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.train("small.yaml", into: "run")
            let (written, damaged) = try folder.damage("\(run.checkpoint(30))/model.safetensors")
            let resumed = try await folder.lstmDist("train", "small.yaml", "--run", "run", ranks: 2)
            #expect(
                resumed.errors == """
                    warning: The checkpoint run/checkpoints/step-00000030 is damaged: the SHA-256 of model.safetensors is \
                    \(damaged), but \(written) is recorded.
                    lstm-dist: run: no checkpoint of this run is usable; use --overwrite to start over, or another \
                    --run

                    """)
            #expect(resumed.exitCode == 2)
        }

        @Test("--overwrite starts again, and leaves files that are not the run's")
        func overwrite() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.train("small.yaml", into: "run", set: ["checkpoint.every_steps=7"])
            try folder.write("mine", to: "run/notes.txt")
            try await folder.train(
                "small.yaml", into: "run", "--overwrite", set: ["training.steps=5", "model.hidden=6"])
            #expect(try run.checkpointNames() == ["latest", "step-00000005"])
            #expect(try run.metrics("train").count == 5)
            #expect(try folder.text(of: "run/notes.txt") == "mine")
            #expect(
                try folder.names(in: "run")
                    == ["checkpoints", "config.yaml", "environment.json", "metrics.jsonl", "notes.txt", "outcome.json"])
        }
    }
}

extension TestFolder {
    /// Changes a byte in the middle of a file; returns its checksums before and after.
    func damage(_ name: String) throws -> (before: String, after: String) {
        let path = url(of: name).path
        let before = try Checksum.sha256(ofFile: path)
        var bytes = try bytes(of: name)
        bytes[bytes.count * 3 / 4] ^= 1
        try Data(bytes).write(to: url(of: name))
        return (before, try Checksum.sha256(ofFile: path))
    }
}
