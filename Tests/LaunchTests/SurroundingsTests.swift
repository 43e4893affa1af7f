// The commands that describe the environment: doctor, config, help and version.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension CommandLineTests {
    @Suite("surroundings")
    struct SurroundingsTests {
        private static let cores = ProcessInfo.processInfo.activeProcessorCount

        private func warnings(_ run: MPIRun) throws -> [String] {
            #expect(run.exitCode == 0, "\(run.errors)")
            let warnings = try #require(JSONValue(parsing: run.output)["warnings"]?.arrayValue)
            #expect(warnings.allSatisfy { $0["seen"]?.stringValue != nil && $0["cure"]?.stringValue != nil })
            return warnings.compactMap { $0["id"]?.stringValue }
        }

        @Test("doctor lists the ranks of a launch, and has no warnings for one rank per core")
        func doctor() async throws {
            let ranks = min(2, Self.cores)
            let run = try await TestFolder().lstmDist("doctor", "--json", ranks: ranks)
            let json = try JSONValue(parsing: run.output)
            #expect(json["ranks"]?.integerValue == ranks)
            #expect(json["hosts"]?.arrayValue?.first?["ranks"]?.integerValue == ranks)
            #expect(json["cores_of_ranks"]?.arrayValue?.count == ranks)
            #expect(try warnings(run).filter { ["oversubscribed", "singletons", "spinning"].contains($0) } == [])
            #expect(run.errors == "")
        }

        @Test("doctor warns of more ranks than cores, and of waiting ranks that keep a core", .enabled(if: cores <= 8))
        func oversubscribed() async throws {
            let ranks = Self.cores + 2
            let run = try await TestFolder().lstmDist("doctor", "--json", ranks: ranks)
            #expect(try warnings(run).contains("oversubscribed"))
            #expect(try !warnings(run).contains("spinning"))
            let spinning = try await TestFolder().lstmDist(
                "doctor", "--json", ranks: ranks, environment: ["OMPI_MCA_mpi_yield_when_idle": "0"])
            #expect(try warnings(spinning).contains("spinning"))
            let text = try await TestFolder().lstmDist("doctor", ranks: ranks)
            #expect(text.output.contains("warning      [oversubscribed] "))
        }

        @Test("doctor warns about a single rank when the launcher's variable is four")
        func singletons() async throws {
            let run = try await TestFolder().lstmDist("doctor", environment: ["SLURM_NTASKS": "4"])
            #expect(
                run.output.split(separator: "\n").contains(
                    """
                    warning      [singletons] SLURM_NTASKS is 4, but this job has one rank: probably 4 separate jobs of one \
                    rank run instead of one; cure: start with the mpirun of the MPI that this program is linked with, or \
                    srun --mpi=pmix
                    """))
            #expect(run.exitCode == 0)
        }

        @Test("doctor shows the scheduler's job, and warns about nodes without ranks")
        func job() async throws {
            let folder = try TestFolder()
            // Replaces Slurm's own program: it knows one task of the array, and no other job.
            let path = try folder.write(
                program: "#!/bin/sh\n[ \"$*\" = '-h -j 40_2 -o %L' ] && echo 1-02:00:09\n", to: "squeue")
            var slurm = [
                "PATH": path, "SLURM_JOB_ID": "41", "SLURM_ARRAY_JOB_ID": "40", "SLURM_ARRAY_TASK_ID": "2",
                "SLURM_JOB_NUM_NODES": "3",
            ]
            let run = try await folder.lstmDist("doctor", "--json", environment: slurm)
            let json = try JSONValue(parsing: run.output)
            #expect(json["job_id"]?.stringValue == "41")
            #expect(json["job_nodes"]?.integerValue == 3)
            #expect(json["job_seconds_left"]?.integerValue == 93_609)
            #expect(try warnings(run).contains("idle-nodes"))
            let lines = try await folder.lstmDist("doctor", environment: slurm).output.split(separator: "\n")
            #expect(lines.contains("job          41 on 3 nodes, 26h00m left"))

            // If squeue does not work, newer versions of Slurm provide the end time in the environment.
            slurm["SLURM_ARRAY_TASK_ID"] = "3"
            slurm["SLURM_JOB_END_TIME"] = "\(Int(Date().timeIntervalSince1970) + 5000)"
            slurm["SLURM_JOB_NUM_NODES"] = "1"
            let other = try await folder.lstmDist("doctor", "--json", environment: slurm)
            let left = try #require(JSONValue(parsing: other.output)["job_seconds_left"]?.integerValue)
            #expect(4940...5000 ~= left)
            #expect(try !warnings(other).contains("idle-nodes"))
        }

        @Test(
            "doctor counts the nodes of other schedulers' jobs",
            arguments: [
                ["PBS_JOBID": "7.server", "PBS_NODEFILE": "nodes"], ["PBS_JOBID": "7.server", "PBS_NUM_NODES": "2"],
                ["LSB_JOBID": "7.server", "LSB_MCPU_HOSTS": "first 2 second 2"], ["JOB_ID": "7.server", "NHOSTS": "2"],
            ])
        func otherJobs(environment: [String: String]) async throws {
            let folder = try TestFolder()
            try folder.write("first\nfirst\nsecond\nsecond\n", to: "nodes")
            let run = try await folder.lstmDist("doctor", environment: environment)
            #expect(run.output.split(separator: "\n").contains("job          7.server on 2 nodes"), "\(run.output)")
        }

        @Test("config show prints a configuration that reads back as the same, once on any number of ranks")
        func configShow() async throws {
            let folder = try TestFolder.withText()
            let shown = try await folder.lstmDist("config", "show", "small.yaml", "--set", "model.dropout=0.1")
            #expect(shown.errors == "")
            #expect(shown.output.contains("# line 3"))
            #expect(shown.output.contains("# --set"))
            try folder.write(shown.output, to: "shown.yaml")
            let keys = try await folder.train("small.yaml", into: "first", set: ["model.dropout=0.1"])
            let again = try await folder.train("shown.yaml", into: "second")
            #expect(try folder.text(of: "second/config.yaml") == folder.text(of: "first/config.yaml"))
            try expectSame(again, keys)
            let twice = try await folder.lstmDist(
                "config", "show", "small.yaml", "--set", "model.dropout=0.1", ranks: 2)
            #expect(twice.output == shown.output)
            let input = try await folder.lstmDist("config", "show", "-", input: "task: reber\n")
            #expect(input.output.hasPrefix("task: reber "))
        }

        @Test("config check reports batch, memory, disk and time, and refuses what train would refuse")
        func configCheck() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist("config", "check", "small.yaml", "--ranks", "5")
            let lines = run.output.split(separator: "\n").map(String.init)
            #expect(lines.contains("train data  text.txt"))
            #expect(lines.contains("batch       12 sequences on 5 ranks: 2 to 3 each"))
            for title in ["memory  ", "disk  ", "time  "] { #expect(lines.contains { $0.hasPrefix(title) }) }
            #expect(lines.last == "all checks have passed")
            #expect(run.exitCode == 0)
            let model = try await folder.train("small.yaml", into: "run", set: ["training.steps=1"]).model()
            let parameters = model.names.reduce(0) { $0 + (model.shape(of: $1)?.reduce(1, *) ?? 0) }
            let printed = run.output.replacing(",", with: "").firstMatch(of: /(\d+) parameters/).flatMap { Int($0.1) }
            #expect(printed == parameters)

            let refused = try await folder.lstmDist("config", "check", "small.yaml", "--set", "training.batch=9999")
            let tokens = try folder.bytes(of: "text.txt").count
            #expect(
                refused.errors
                    == "lstm-dist: text.txt: \(tokens) tokens are too few for training.batch 9999: 9999 "
                    + "streams of at least 10 tokens need 99990; use a longer text or a smaller training.batch or "
                    + "training.window\n")
            #expect(refused.exitCode == 2)
        }

        @Test("--version, once on any number of ranks", arguments: [nil, 3])
        func version(ranks: Int?) async throws {
            let run = try await TestFolder().lstmDist("--version", ranks: ranks)
            #expect(run.output.wholeMatch(of: /lstm-dist \d+\.\d+\.\d+\n/) != nil)
            #expect(run.errors == "")
            #expect(run.exitCode == 0)
        }

        @Test(
            "every command's help has examples",
            arguments: [
                "", "train", "evaluate", "generate", "export", "inspect", "compare", "stop", "status", "config show",
                "config check", "doctor", "bench step", "bench allreduce", "bench scaling", "bench memory",
                "bench tune", "bench neighbour",
            ])
        func help(command: String) async throws {
            let words = command.split(separator: " ").map(String.init) + ["--help"]
            let run = try await MPIRun.run(TestFolder.program, words, ranks: nil)
            #expect(run.exitCode == 0)
            #expect(run.errors == "")
            let example = /EXAMPLES\n( *\S.*\n)* +(mpirun .*|srun .*)?lstm-dist/
            #expect(run.output.firstMatch(of: example) != nil, "\(run.output)")
            #expect(run.output.contains("USAGE: lstm-dist \(command)"))
        }

        @Test("the list of commands is complete")
        func allCommands() async throws {
            let run = try await TestFolder().lstmDist("--help", ranks: 2)
            let commands = run.output.split(separator: "\n").drop { !$0.hasPrefix("SUBCOMMANDS:") }
                .compactMap { $0.firstMatch(of: #/^  ([a-z]+) /#)?.1 }
            #expect(
                commands == [
                    "train", "evaluate", "predict", "generate", "export", "inspect", "compare", "stop", "status",
                    "config",
                    "doctor", "bench",
                ])
        }
    }
}
