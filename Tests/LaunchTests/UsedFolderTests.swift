// Run folders that are not empty: another run, a complete one, the user's files.

import Foundation
import LaunchSupport
import Testing

extension FaultTests {
    @Suite("run folders that are not empty")
    struct UsedFolderTests {
        private func expectRefusal(
            _ run: MPIRun, _ message: String, sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(run.errors == "lstm-dist: \(message)\n", sourceLocation: sourceLocation)
            #expect(run.output == "", sourceLocation: sourceLocation)
            #expect(run.exitCode == 2, sourceLocation: sourceLocation)
        }

        @Test(
            "a checkpoint of another run is refused in a used folder; an older one of the same run is accepted, and the removed ones are reported"
        )
        func otherRun() async throws {
            let folder = try TestFolder.withText()
            let keys = ["checkpoint.every_steps=10", "checkpoint.keep=9"]
            let one = try await folder.train("small.yaml", into: "one", set: keys)
            let two = try await folder.train("small.yaml", into: "two", set: keys + ["training.seed=7"])
            let before = try (two.lines(), two.checkpointNames(), folder.text(of: "two/config.yaml"))
            expectRefusal(
                try await folder.lstmDist(
                    "train", "small.yaml", "--run", "two", "--resume", one.checkpoint(10), ranks: 2),
                "two: the run folder holds another run than that of one/checkpoints/step-00000010; use a checkpoint of this run, "
                    + "--resume auto to continue it, or another --run")
            #expect(try two.lines() == before.0)
            #expect(try two.checkpointNames() == before.1)
            #expect(try folder.text(of: "two/config.yaml") == before.2)

            let resumed = try await folder.lstmDist(
                "train", "small.yaml", "--run", "one", "--quiet", "--resume", one.checkpoint(10), "--set",
                "training.steps=12")
            #expect(
                resumed.errors
                    == "warning: one: going back to step 10 of this run; removed the checkpoints of steps 20, 30\n")
            #expect(resumed.exitCode == 0)

            // A new folder accepts it, and again as long as it has no checkpoint.
            let words = [
                "--resume", two.checkpoint(10), "--set", "training.seed=7", "--set", "checkpoint.every_steps=10",
            ]
            func begin() async throws -> MPIRun {
                try await folder.lstmDist(["train", "small.yaml", "--run", "three", "--quiet"] + words)
            }
            #expect(try await begin().exitCode == 0)
            let three = folder.run("three")
            #expect(try three.latest("model.safetensors") == two.latest("model.safetensors"))
            for name in try three.checkpointNames() {
                try folder.remove("\(three.checkpoints)/\(name)")
            }
            #expect(try await begin().errors == "")
            #expect(try await begin().exitCode == 2)
        }

        @Test(
            "showing a complete run again changes none of its files, and reports the differences of the configuration")
        func complete() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.train("small.yaml", into: "run", ranks: 2)
            let names = ["config.yaml", "environment.json", "metrics.jsonl"]
            let before = try names.map { try folder.text(of: "\(run.name)/\($0)") }
            let same = try await folder.lstmDist("train", "small.yaml", "--run", "run", "--quiet")
            #expect(same.errors == "")
            let other = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--quiet", "--set", "training.optimizer.learning_rate=0.5",
                "--set",
                "training.steps=20")
            #expect(
                other.errors
                    == "warning: run is complete, and was trained with another configuration: training.steps was 30 and is now 20; "
                    + "training.optimizer.learning_rate was 0.01 and is now 0.5. Nothing will be "
                    + "trained; use another --run to train with this one.\n")
            #expect(other.output == same.output)
            #expect(other.exitCode == 0)
            #expect(try names.map { try folder.text(of: "\(run.name)/\($0)") } == before)
        }

        @Test("the user's files are kept, also with --overwrite", arguments: [[], ["--overwrite"]])
        func foreignFiles(more: [String]) async throws {
            let folder = try TestFolder.withText()
            try folder.make("mine")
            try folder.write("# why it is so\n" + smallConfig, to: "mine/config.yaml")
            let before = try folder.text(of: "mine/config.yaml")
            func train(_ config: String) async throws -> MPIRun {
                try await folder.lstmDist(["train", config, "--run", "mine"] + more, ranks: 2)
            }
            expectRefusal(
                try await train("mine/config.yaml"),
                "mine/config.yaml is the configuration that is being read, and the run would replace it; give another --run."
            )
            expectRefusal(
                try await train("small.yaml"),
                "mine/config.yaml was not written by lstm-dist, and the run would replace or remove it; give another --run."
            )
            #expect(try folder.names(in: "mine") == ["config.yaml"])
            #expect(try folder.text(of: "mine/config.yaml") == before)
        }

        @Test(
            "the default run folder has the configuration's name without .yaml or .yml; a configuration without a name needs --run"
        )
        func defaultFolder() async throws {
            let folder = try TestFolder.withText()
            for name in ["lr0.001", "lr0.1", "b.yml", "x.yaml~", "c.yaml"] {
                try folder.write(smallConfig, to: name)
                let run = try await folder.lstmDist("train", name, "--quiet", "--set", "training.steps=1")
                #expect(run.exitCode == 0, "\(run.errors)")
            }
            #expect(try folder.names(in: "runs") == ["b", "c", "lr0.001", "lr0.1", "x.yaml~"])
            let pipe = try await folder.lstmDist("train", "/dev/fd/0", input: smallConfig)
            #expect(
                pipe.errors.hasPrefix(
                    "Error: --run is needed when the configuration is /dev/fd/0, which is not a file with a name\n"),
                "\(pipe.errors)")
            #expect(pipe.exitCode == 2)
            let named = try await folder.lstmDist(
                "train", "/dev/fd/0", "--run", "run", "--quiet", "--set", "training.steps=1", input: smallConfig)
            #expect(named.exitCode == 0, "\(named.errors)")
        }

        @Test("impossible run folders are refused before any work, also by --dry-run and config check")
        func impossible() async throws {
            let folder = try TestFolder.withText()
            let empty = try await folder.lstmDist("train", "small.yaml", "--run", "")
            #expect(empty.errors.hasPrefix("Error: --run is empty; accepted: a folder's path\n"), "\(empty.errors)")
            #expect(empty.exitCode == 2)
            expectRefusal(
                try await folder.lstmDist("train", "small.yaml", "--run", "/"),
                "/ is the root folder; give another --run.")
            for words in [["train", "small.yaml", "--dry-run"], ["config", "check", "small.yaml"]] {
                let run = try await folder.lstmDist(words + ["--run", "text.txt/x"])
                #expect(run.errors == "lstm-dist: The folder text.txt/x cannot be made: Not a directory.\n")
                #expect(run.exitCode == 1)
                #expect(!run.output.contains("passed"))
            }
            try folder.make("run/stop")
            for words in [
                ["train", "small.yaml"], ["train", "small.yaml", "--dry-run"], ["config", "check", "small.yaml"],
            ] {
                let run = try await folder.lstmDist(words + ["--run", "run"])
                #expect(
                    run.errors
                        == "lstm-dist: run/stop is a folder, a pipe or a device; a file is needed here.\n")
                #expect(run.exitCode == 2)
            }
        }

        @Test("an argument that is not UTF-8 is refused: its folder or prompt would be another one")
        func bytes() async throws {
            let folder = try TestFolder.withText()
            let script = #""$0" train small.yaml --run $'bad\xff\n'"#
            let run = try await MPIRun.run(
                URL(filePath: "/bin/bash"), ["-c", script, try TestFolder.program.path], ranks: nil, in: folder.url)
            expectRefusal(run, #"the argument bad\xFF\x0A is not UTF-8; accepted: UTF-8"#)
            #expect(try folder.names(in: ".") == ["small.yaml", "text.txt"])
        }

        @Test("a checkpoint without read permission is reported as that, and not skipped for an older one")
        func unreadable() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.train("small.yaml", into: "run", set: ["checkpoint.every_steps=10"])
            func command(_ words: String...) async throws -> MPIRun {
                try await folder.startUnprivileged(words).result()
            }
            let message = "\(run.checkpoint(30))/state.json cannot be read: Permission denied."
            try folder.setPermissions(run.checkpoint(30), 0)
            expectRefusal(try await command("train", "small.yaml", "--run", "run"), message)
            let verified = try await command("inspect", "run", "--verify")
            #expect(verified.output.contains("  state.json  CANNOT BE READ\n"), "\(verified.output)")
            #expect(verified.errors == "lstm-dist: \(message)\n")
            try folder.setPermissions(run.checkpoint(30), 0o755)
            try folder.setPermissions("run", 0)
            let status = try await command("status", "run")
            try folder.setPermissions("run", 0o755)
            #expect(
                status.errors
                    == "lstm-dist: run/checkpoints cannot be opened: Permission denied; a run folder, a checkpoint's folder or the "
                    + "model.safetensors inside one is expected.\n")
            #expect(status.exitCode == 2)
        }

        @Test("of six jobs that begin in one folder at the same moment, each trains, shows the result, or is refused")
        func six() async throws {
            let folder = try TestFolder.withText()
            let never = try await ReferenceRuns.run(smallConfig)
            for _ in 1...3 {
                let jobs = try (1...6).map { _ in
                    try folder.start("train", "small.yaml", "--run", "run", "--quiet", ranks: nil)
                }
                for job in jobs {
                    let ended = try await job.result()
                    #expect([0, 2].contains(ended.exitCode), "\(ended.errors)")
                }
                try expectSame(folder.run("run"), never)
                try folder.run("run").expectTidy()
                #expect(!folder.has("run/lock"))
                try folder.remove("run")
            }
        }
    }
}
