// The number of threads of a rank changes only the order of sums.

import FileFormats
import Foundation
import LaunchSupport
import System
import TestSupport
import Testing
import Training

extension LaunchTests {
    @Suite("threads of a rank")
    struct ThreadTests {
        /// Two layers with dropout, and a task whose sequences end, with unequal lengths and a last step of five.
        private static let text = (file: "text.yaml", config: Resumable.adamWithDropout.config)
        private static let adding = (
            file: "adding.yaml",
            config: """
            task: adding
            data: {length: 24, sequences_per_epoch: 45}
            model: {hidden: 6}
            training: {batch: 10, steps: 30, optimizer: {name: adam, learning_rate: 0.01}}
            validation: {every_epochs: 0}
            logging: {every_steps: 1}

            """
        )

        private func folder() throws -> TestFolder {
            try TestFolder.withText().write(Self.text.config, to: Self.text.file)
                .write(Self.adding.config, to: Self.adding.file)
        }

        /// The run of one rank of one thread, made once for all tests.
        private func one(_ file: String, set keys: [String]) async throws -> RunFiles {
            try await ReferenceRuns.run(file == Self.text.file ? Self.text.config : Self.adding.config, set: keys)
        }

        @Test(
            "30 steps have the losses of one thread, and the same bits when repeated",
            arguments: selection(
                [(text.file, 1, 3), (text.file, 2, 2), (adding.file, 1, 2), (adding.file, 2, 3)],
                of: [text.file, adding.file].flatMap { [($0, 1, 2), ($0, 1, 3), ($0, 2, 2), ($0, 2, 3)] }))
        func losses(config: String, ranks: Int, threads: Int) async throws {
            let folder = try folder()
            // Sums along the tree would equal those of one thread (`SameBitsTests`).
            let keys = ["training.steps=30", "communication.reduction=fast"]
            let one = try await one(config, set: keys)
            func train(_ run: String) async throws -> RunFiles {
                try await folder.train(
                    config, into: run, ranks: ranks, "--threads-per-rank", "\(threads)", set: keys)
            }
            let many = try await train("many")
            #expect(try many.figures().count == 30)
            expectClose(try many.figures(), try one.figures(), within: 1e-4)
            expectClose(try many.figures("gradient_norm"), try one.figures("gradient_norm"), within: 1e-3, "norms")
            try expectSame(try await train("again"), many)
            // If these were one thread's sums, the test would show nothing.
            #expect(try many.latest("model.safetensors") != one.latest("model.safetensors"))
        }

        @Test("one thread is the default: the same bits with and without the option", arguments: [1, 2])
        func one(ranks: Int) async throws {
            let folder = try folder()
            let without = try await folder.train(Self.text.file, into: "without", ranks: ranks)
            try expectSame(
                try await folder.train(Self.text.file, into: "with", ranks: ranks, "--threads-per-rank", "1"), without)
        }

        @Test(
            "parts of a step, plain sums over ranks and threads without a sequence do not change losses",
            arguments: [
                (ranks: 1, threads: 2, keys: ["training.accumulate=3"]),
                (ranks: 2, threads: 2, keys: ["training.accumulate=3"]),
                (ranks: 2, threads: 7, keys: ["training.accumulate=2"]),
                (ranks: 1, threads: 13, keys: []),
                (ranks: 2, threads: 2, keys: ["communication.averaging=allreduce"]),
                // So large that a rank's slices have several partial sums for each thread.
                (ranks: 2, threads: 3, keys: ["model.hidden=96"]),
            ])
        func shares(ranks: Int, threads: Int, keys: [String]) async throws {
            let folder = try folder()
            let keys = keys + ["communication.reduction=fast"]
            for config in [Self.text.file, Self.adding.file] {
                let one = try await one(
                    config, set: keys.filter { $0.hasPrefix("model.") } + ["training.steps=30"])
                let many = try await folder.train(
                    config, into: "many-\(config)", ranks: ranks, "--threads-per-rank", "\(threads)",
                    set: keys + ["training.steps=30"])
                expectClose(try many.figures(), try one.figures(), within: 1e-4)
            }
        }

        @Test("validation results do not depend on the threads", arguments: selection([5], of: [2, 5]))
        func validation(threads: Int) async throws {
            let folder = try TestFolder.withText().write(Self.adding.config, to: Self.adding.file)
            // With a learning rate of 0, the scored weights are bit-identical. 8 streams, or 1,000 and then 560
            // sequences.
            for (config, keys) in [
                ("small.yaml", ["data.validation_fraction=0.2", "data.test=text.txt", "validation.batch=8"]),
                (Self.adding.file, ["validation.batch=1000"]),
            ] {
                let keys =
                    keys + ["training.optimizer.learning_rate=0", "training.steps=4", "validation.every_steps=2"]
                let one = try await folder.train(config, into: "one-\(config)", set: keys)
                let many = try await folder.train(
                    config, into: "many-\(config)", ranks: 2, "--threads-per-rank", "\(threads)", set: keys)
                #expect(try many.figures(of: "validation").count == 2)
                expectClose(
                    try many.figures(of: "validation"), try one.figures(of: "validation"), within: 1e-6, "validations")
                if config == "small.yaml" {
                    expectClose(try many.figures(of: "test"), try one.figures(of: "test"), within: 1e-6, "tests")
                } else {
                    expectClose(
                        try many.figures("wrong", of: "validation"), try one.figures("wrong", of: "validation"),
                        within: 1e-6, "errors")
                }
            }
        }

        @Test("the memory estimate counts gradients and activations of each thread")
        func memory() async throws {
            let folder = try TestFolder.withText()
            /// The memory of weights and optimiser, and of activations, in the unit of the message.
            func needs(_ threads: Int) async throws -> (parameters: Double, activations: Double) {
                let run = try await folder.lstmDist(
                    "train", "small.yaml", "--set", "model.hidden=65536", "--set", "model.layers=64",
                    "--set", "communication.reduction=fast", "--threads-per-rank", "\(threads)")
                #expect(run.exitCode == 2)
                let parts = try #require(
                    run.errors.firstMatch(of: /weights and optimiser ([\d.]+) TiB, activations ([\d.]+) GiB/),
                    "\(run.errors)")
                return (try #require(Double(parts.1)), try #require(Double(parts.2)))
            }
            let (one, three) = (try await needs(1), try await needs(3))
            // Parameters, two moments, packed weights of about the parameters' size; a copy of the first three for
            // checkpoints; and gradients for each thread.
            #expect(abs(three.parameters / one.parameters - 10.0 / 8) < 0.01, "\(one), \(three)")
            // 12 sequences in all, or 4 for each thread.
            #expect(
                three.activations >= one.activations && three.activations < one.activations * 3,
                "\(one), \(three)")
        }

        @Test("the criterion sees the sequences of all threads in their order")
        func criterion() async throws {
            let folder = try Resumable.adding.folder()
            func errors(_ run: String, _ threads: Int) async throws -> [Float] {
                let run = try await folder.train(
                    "run.yaml", into: run, "--threads-per-rank", "\(threads)", set: ["training.steps=9"])
                return try SafetensorsFile(
                    folder.url(of: "\(run.checkpoints)/latest/training.safetensors").path
                ).read("criterion.errors").filter(\.isFinite)
            }
            let one = try await errors("one", 1)
            let many = try await errors("many", 3)
            // A step of an epoch has 10 sequences, the others 40.
            #expect(one.count == 40 * 7 + 10 * 2 && many.count == one.count)
            #expect(zip(one, many).allSatisfy { abs($0 - $1) < 1e-4 })
            #expect(Set(one).count > 100)
        }

        @Test("resumed with another number of threads: the next losses are those of a run never stopped")
        func resumed() async throws {
            let folder = try folder()
            let never = try await folder.train(Self.text.file, into: "never")
            try await folder.train(
                Self.text.file, into: "stopped", "--threads-per-rank", "2", set: ["training.steps=37"])
            let stopped = try await folder.train(Self.text.file, into: "stopped", set: ["training.steps=67"])
            expectClose(try stopped.figures(), Array(try never.figures().prefix(67)), within: 1e-4)
            // With the same number, the same bits.
            let two = try await folder.train(Self.text.file, into: "two", "--threads-per-rank", "2")
            try await folder.train(Self.text.file, into: "cut", "--threads-per-rank", "2", set: ["training.steps=31"])
            try expectSame(try await folder.train(Self.text.file, into: "cut", "--threads-per-rank", "2"), two)
        }

        @Test(
            "a rank that is bound to one core and has several threads is warned once, with the cure", arguments: [1, 2])
        func boundToOneCore(ranks: Int) async throws {
            let folder = try folder()
            let binding = ["OMPI_MCA_hwloc_base_binding_policy": "core"]
            let cores = ProcessInfo.processInfo.processorCount
            // One thread for each core of the host, so that a different binding can help; on one core nothing could.
            let threads = max(2, cores / ranks)
            let isEnough = ranks * threads <= cores
            let train = try await folder.lstmDist(
                "train", Self.text.file, "--run", "run", "--threads-per-rank", "\(threads)", "--set",
                "training.steps=2",
                ranks: ranks, environment: binding)
            #expect(train.exitCode == 0)
            let lines = train.errors.split(separator: "\n")
            let warnings = lines.filter { $0.hasPrefix("warning: ") }
            #expect(warnings.count == 1 && lines.dropFirst().first == warnings.first, "\(train.errors)")
            let cure =
                isEnough
                ? "; cure: mpirun --map-by slot:pe=\(threads), mpirun --bind-to none, or launch/local"
                : "; cure: start at most \(cores) threads there, ranks times --threads-per-rank"
            #expect(warnings.first?.hasSuffix(cure) == true, "\(train.errors)")
            #expect(
                lines.first?.contains(" on \(ranks == 1 ? "1 rank" : "2 ranks") of \(threads) threads, ")
                    == true)
            let environment = try JSONValue(parsing: folder.text(of: "run/environment.json"))
            #expect(environment["threads_per_rank"]?.integerValue == threads)
            let doctor = try await folder.lstmDist(
                "doctor", "--json", "--threads-per-rank", "\(threads)", ranks: ranks, environment: binding)
            let json = try JSONValue(parsing: doctor.output)
            #expect(json["threads_per_rank"]?.integerValue == threads)
            let ids = json["warnings"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
            #expect(ids.contains(isEnough ? "threads-share-core" : "oversubscribed"), "\(doctor.output)")
        }

        @Test("ranks that may use all cores are warned only if they have more threads than cores")
        func cores() async throws {
            let folder = try TestFolder()
            let cores = ProcessorCores.allowedCPUs.count
            func ids(_ threads: Int, ranks: Int) async throws -> [String] {
                let run = try await folder.lstmDist(
                    "doctor", "--json", "--threads-per-rank", "\(threads)", ranks: ranks)
                return try JSONValue(parsing: run.output)["warnings"]?.arrayValue?
                    .compactMap { $0["id"]?.stringValue }.filter {
                        ["oversubscribed", "threads-share-core"].contains($0)
                    }
                    ?? []
            }
            #expect(try await ids(cores, ranks: 1) == [])
            #expect(try await ids(cores, ranks: 2).count == 1)
            #expect(try await ids(1024, ranks: 1).count == 1)
        }

        @Test("bench step relates a rank of several threads to the peak of the same number of cores")
        func bench() async throws {
            let run = try await TestFolder().lstmDist(
                "bench", "step", "--threads-per-rank", "3", "--set", "model.hidden=32", "--seconds", "0.1", "--quiet",
                "--json", "-", ranks: 2)
            let json = try JSONValue(parsing: run.output)
            #expect(json["threads_per_rank"]?.integerValue == 3)
            try CommandLineTests.BenchTests.expectQuietSteps(json, threads: 3)
        }

        @Test("a run of several threads prints the command to resume with the same number")
        func command() async throws {
            let folder = try folder().write("task: reber\ntraining: {steps: 100000}\n", to: "long.yaml")
            let run = try folder.start(
                "train", "long.yaml", "--run", "run", "--quiet", "--threads-per-rank", "2", ranks: 2)
            #expect(try await becomesTrue { folder.has("run/outcome.json") })
            try await run.kill()
            #expect(
                try folder.run("run").outcome()["next"]?.stringValue
                    == "cd \(folder.url.path) && mpirun -n 2 --bind-to none lstm-dist train long.yaml --run run --threads-per-rank 2"
            )
        }

        @Test("more threads than the system can start are refused", arguments: [nil, 2])
        func refusedBySystem(ranks: Int?) async throws {
            let folder = try folder()
            // A thousand stacks of 8 MiB do not fit into an address space of 3 GB.
            let run = try await MPIRun.run(
                URL(filePath: "/bin/sh"),
                [
                    "-c",
                    "ulimit -v 3000000; exec \"$0\" train \(Self.text.file) --run run --quiet --threads-per-rank 1000",
                    TestFolder.program.path,
                ], ranks: ranks, in: folder.url, limit: .seconds(30))
            let message =
                /lstm-dist: --threads-per-rank 1000: can't start thread \d+ of a rank on \S+: .*; use fewer threads, or raise the limit \(ulimit -u, ulimit -v\)\n/
            #expect(run.errors.wholeMatch(of: message) != nil, "\(run.errors)")
            #expect(run.output == "")
            #expect(run.exitCode == 1)
            #expect(!folder.has("run"))
        }

        @Test(
            "an invalid number of threads is refused, on any number of ranks",
            arguments: [("0", nil), ("1025", nil), ("two", nil), ("1.5", nil), ("0", 2)] as [(String, Int?)])
        func refused(threads: String, ranks: Int?) async throws {
            let folder = try folder()
            for command in [["train", Self.text.file, "--run", "run"], ["bench", "step"]] {
                let run = try await folder.lstmDist(
                    command + ["--threads-per-rank", threads], ranks: ranks, limit: .seconds(30))
                #expect(
                    run.errors.split(separator: "\n").first
                        == "Error: The value '\(threads)' is invalid for '--threads-per-rank <threads>': accepted: 1 to 1024"
                )
                #expect(run.errors.split(separator: "\n").filter { $0.hasPrefix("Error") }.count == 1)
                #expect(run.output == "")
                #expect(run.exitCode == 2)
                #expect(!folder.has("run"))
            }
        }
    }
}
