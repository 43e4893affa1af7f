// launch/slurm.sbatch without Slurm: the step from which a session's progress is counted, and the next one's arguments.

import Foundation
import LaunchSupport
import TestSupport
import Testing

extension WaitingTests {
    @Suite("launch/slurm.sbatch", .serialized)
    struct SlurmScriptTests {
        /// The older run has 3,000 steps.
        private static let config = characterConfig(
            hidden: 11, embedding: 5, training: "batch: 10, window: 21, steps: 3000",
            "checkpoint: {every_steps: 1000, keep: 9}")

        /// Replaces Slurm's programs: ranks are started directly, and scontrol's arguments are written to the file
        /// `asked`.
        private func start(_ folder: TestFolder, restarts: Int, _ words: [String]) async throws -> MPIRun {
            try folder.write(program: "#!/bin/bash\necho \"$*\" >>asked\n", to: "scontrol")
            try folder.write(program: "#!/bin/bash\n", to: "squeue")
            let path = try folder.write(
                program:
                    "#!/bin/bash\nwhile [ \"${1#-}\" != \"$1\" ]; do shift; done\necho \"$*\" >started\nexec \"$@\"\n",
                to: "srun")
            let script = ProjectFiles.folder.appending(path: "launch/slurm.sbatch")
            return try await MPIRun.run(
                script, ["train", "small.yaml", "--run", "run", "--quiet"] + words, ranks: nil, in: folder.url,
                environment: [
                    "PATH": path, "SLURM_JOB_ID": "77", "SLURM_RESTART_COUNT": "\(restarts)",
                    "SLURM_JOB_NODELIST": "here",
                    "LSTM_DIST": try TestFolder.program.path,
                ])
        }

        private static let larger = ["--set", "model.hidden=300", "--set", "checkpoint.every_steps=1000000"]

        @Test("progress is counted from the step that a session restarts from or goes back to")
        func progress() async throws {
            let folder = try TestFolder.withText(Self.config)
            let run = try await folder.train("small.yaml", into: "run")
            let back = try await start(
                folder, restarts: 0,
                [
                    "--resume", run.checkpoint(1000), "--stop-at", (Date() + 8).ISO8601Format(), "--set",
                    "training.steps=100000000",
                ])
            #expect(back.output.contains(", from step 1000\n"), "\(back.output)")
            #expect(try folder.text(of: "asked") == "requeue 77\n", "\(back.output)\(back.errors)")
            try folder.remove("asked")

            let again = try await start(folder, restarts: 0, ["--overwrite", "--max-time", "5s"] + Self.larger)
            #expect(again.output.contains(", from step 0\n"), "\(again.output)")
            #expect(try folder.text(of: "asked") == "requeue 77\n", "\(again.output)\(again.errors)")
        }

        @Test("the next session resumes the run, and does not start it again")
        func words() async throws {
            let folder = try TestFolder.withText(Self.config)
            let run = try await folder.train("small.yaml", into: "run")
            for words in [["--overwrite"], ["--resume", run.checkpoint(1000)], ["--resume=\(run.checkpoint(1000))"]] {
                let next = try await start(folder, restarts: 1, words)
                #expect(next.output.contains(", from step 3000\n"), "\(next.output)")
                let started = try folder.text(of: "started")
                #expect(!started.contains("overwrite") && !started.contains("step-00001000"), "\(started)")
            }
            // Without a checkpoint there is nothing to resume yet.
            _ = try await start(folder, restarts: 1, ["--run", "new", "--resume", run.checkpoint(1000)])
            #expect(try folder.text(of: "started").contains("--run new --resume \(run.checkpoint(1000))"))
        }
    }
}
