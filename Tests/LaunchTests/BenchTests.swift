// The benchmark commands with small models and short times: their output, not their speed.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension CommandLineTests {
    @Suite("bench")
    struct BenchTests {
        private func lastLine(_ run: MPIRun) -> String { run.output.split(separator: "\n").last.map(String.init) ?? "" }

        // MARK: scaling that is ended

        @Test("bench scaling that is ended by a signal ends what it has started, and leaves no folder")
        func endedScaling() async throws {
            let folder = try TestFolder.withText()
            let run = try folder.start(
                "bench", "scaling", "small.yaml", "--ranks", "2", "--seconds", "30", ranks: nil,
                environment: ["TMPDIR": folder.url.path])
            let deadline = ContinuousClock.now + .seconds(20)
            while run.ranks == [run.launcher], run.isRunning, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(20))
            }
            let mpirun = run.ranks
            run.send(SIGTERM)
            let ended = try await run.result(within: .seconds(20))
            #expect(ended.exitCode == SIGTERM)
            #expect(!mpirun.contains(where: StartedRun.lives))
            #expect(try !folder.names(in: ".").contains { $0.hasPrefix("lstm-dist-scaling-") })
        }

        // MARK: step

        @Test("bench step measures a step, as JSON, with shares that add up to the step")
        func stepAsJSON() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist(
                "bench", "step", "small.yaml", "--seconds", "0.3", "--json", "-", ranks: 2)
            #expect(run.errors == "")
            let json = try JSONValue(parsing: run.output)
            #expect(json["ranks"]?.integerValue == 2)
            for key in ["step_ms", "tokens_per_second", "gflops_per_rank", "fma_peak_gflops"] {
                #expect(try #require(json[key]?.numberValue) > 0, "\(key)")
            }
            try Self.expectQuietSteps(json, threads: 1)
            let parts = try ["compute_fraction", "averaging_fraction", "waiting_fraction", "update_fraction"].map {
                try #require(json[$0]?.numberValue)
            }
            #expect(parts.allSatisfy { $0 > 0 })
            #expect(0.8...1.001 ~= parts.reduce(0, +), "\(parts)")
        }

        /// The fraction of the peak counts the quiet steps only; without them it is null.
        static func expectQuietSteps(_ json: JSONValue, threads: Double) throws {
            func figure(_ key: String) throws -> Double { try #require(json[key]?.numberValue, "\(key)") }
            let quiet = try figure("quiet_steps")
            #expect(try quiet >= 0 && quiet <= figure("steps"))
            guard quiet > 0 else {
                return #expect(json["of_peak"] == .null && json["quiet_step_ms"] == .null)
            }
            let (rate, peak) = try (figure("gflops_per_rank"), figure("fma_peak_gflops"))
            let expected = try rate * figure("step_ms") / figure("quiet_step_ms") / (threads * peak)
            expectClose([try figure("of_peak")], [expected], within: 1e-6, "share of the peak")
        }

        @Test("bench step reports executed and nominal operations: equal if no tokens share their input")
        func executed() async throws {
            let folder = try TestFolder.withText()
            for (dropout, isFolded) in [("0", true), ("0.5", false)] {
                let run = try await folder.lstmDist(
                    "bench", "step", "small.yaml", "--seconds", "0.1", "--json", "-", "--set",
                    "model.dropout=\(dropout)", "--set", "model.embedding=16", ranks: 2)
                let json = try JSONValue(parsing: run.output)
                let nominal = try #require(json["gflops_per_rank"]?.numberValue)
                let executed = try #require(json["executed_gflops_per_rank"]?.numberValue)
                #expect(isFolded ? 0.3..<0.98 ~= executed / nominal : executed == nominal, "\(executed) of \(nominal)")
            }
        }

        @Test("bench step as text ends with its figure of merit, and needs neither data nor a configuration")
        func stepAsText() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist(
                "bench", "step", "small.yaml", "--seconds", "0.2", "--json", "step.json", "--set",
                "data.train=absent.txt")
            #expect(run.output.hasPrefix("ranks               1\n"))
            let json = try JSONValue(parsing: folder.text(of: "step.json"))
            #expect(json["ranks"]?.integerValue == 1)
            let tokens = try #require(json["tokens_per_second"]?.numberValue)
            #expect(lastLine(run) == "FOM tokens_per_second = \((tokens * 10).rounded() / 10)")
            let bare = try await folder.lstmDist(
                "bench", "step", "--seconds", "0.1", "--set", "model.hidden=8", "--set", "training.batch=2", ranks: 2)
            #expect(bare.exitCode == 0)
            #expect(lastLine(bare).wholeMatch(of: /FOM tokens_per_second = \d+\.\d/) != nil)
        }

        @Test("bench step compares the orders of reduction in turns", arguments: [1, 3])
        func reductions(ranks: Int) async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist(
                "bench", "step", "small.yaml", "--reductions", "--seconds", "0.1", "--json", "pairs.json",
                ranks: ranks)
            #expect(run.exitCode == 0, "\(run.errors)")
            let json = try JSONValue(parsing: folder.text(of: "pairs.json"))
            #expect(json["ranks"]?.integerValue == ranks)
            #expect(try #require(json["pairs"]?.integerValue) >= 5)
            let ratio = try #require(json["reproducible_over_fast"]?.numberValue)
            #expect(ratio > 0.1 && ratio < 10)
            #expect(lastLine(run).hasPrefix("FOM reproducible_over_fast = "))
        }

        @Test("bench step measures the cost of protections, and leaves no files", arguments: [1, 2])
        func protections(ranks: Int) async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist(
                "bench", "step", "small.yaml", "--protections", "probe", "--seconds", "0.1", "--json", "costs.json",
                "--set", "checkpoint.every_minutes=5", ranks: ranks)
            #expect(run.exitCode == 0, "\(run.errors)")
            #expect(!folder.has("probe"))
            let json = try JSONValue(parsing: folder.text(of: "costs.json"))
            func figure(_ key: String) throws -> Double { try #require(json[key]?.numberValue, "\(key)") }
            #expect(try figure("ranks") == Double(ranks))
            #expect(try figure("checkpoints") >= 3)
            #expect(try figure("checkpoint_interval_seconds") == 300)
            #expect(try figure("checkpoint_waited_ms") > 0)
            #expect(try figure("checkpoint_core_ms") > 0)
            #expect(try figure("checkpoint_share") == figure("checkpoint_ms") / 1e3 / 300)
            let shares = try ["checkpoint", "guard", "verification", "report"].map { try figure("\($0)_share") }
            #expect(shares.dropFirst().allSatisfy { ranks > 1 ? $0 >= 0 : $0 == 0 })
            #expect(try (figure("hash_ms") > 0) && (figure("guard_share") > 0) == (ranks > 1))
            expectClose([try figure("share")], [shares.reduce(0, +)], within: 1e-9, "share")
            #expect(lastLine(run).hasPrefix("FOM protection_percent = "))
            let taken = try await folder.lstmDist(
                "bench", "step", "small.yaml", "--protections", ".", "--seconds", "0.1", ranks: ranks)
            #expect(taken.exitCode == 2)
            #expect(taken.errors.contains("--protections .: it already exists; accepted: a new folder"))
        }

        // MARK: allreduce

        @Test(
            "bench allreduce has the columns of nccl-tests, sizes by the factor, and no wrong sum",
            arguments: [1, 2, 3])
        func allreduce(ranks: Int) async throws {
            let folder = try TestFolder()
            let run = try await folder.lstmDist(
                "bench", "allreduce", "--max-bytes", "70000", "--json", "all.json", ranks: ranks)
            #expect(run.errors == "")
            #expect(run.exitCode == 0)
            let lines = run.output.split(separator: "\n")
            let head = try #require(lines.first { $0.hasPrefix("# ") && $0.contains("busbw") })
            #expect(
                head.split(separator: " ").map(String.init) == [
                    "#", "size", "count", "type", "redop", "time", "min", "max", "algbw", "busbw", "#wrong", "copy",
                ])
            let table = lines.filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ") }
            let rows = try #require(JSONValue(parsing: folder.text(of: "all.json"))["rows"]?.arrayValue)
            #expect(rows.map { $0["size"]?.integerValue } == [4, 16, 64, 256, 1024, 4096, 16384, 65536])
            #expect(table.map { $0.first.flatMap { Int($0) } } == rows.map { $0["size"]?.integerValue })
            #expect(table.allSatisfy { $0.count == 11 })
            for row in rows {
                func figure(_ key: String) throws -> Double { try #require(row[key]?.numberValue, "\(key)") }
                #expect(row["wrong"]?.integerValue == 0)
                #expect(try figure("count") == figure("size") / 4)
                #expect(try figure("time_us_min") <= figure("time_us") * 1.0001)
                #expect(try figure("time_us") <= figure("time_us_max") * 1.0001)
                let rate = try figure("size") / figure("time_us") / 1e3
                expectClose([try figure("algbw_gb_per_s")], [rate], within: 1e-9, "algbw")
                let bus = try figure("algbw_gb_per_s") * 2 * Double(ranks - 1) / Double(ranks)
                #expect(abs(try figure("busbw_gb_per_s") - bus) <= 1e-9 * bus)
                #expect(try figure("copy_gb_per_s") > 0)
            }
            #expect(run.output.contains("\n# wrong elements: 0 (OK)\n"))
        }

        @Test("the smallest sweep is one size, and messages that exceed the host's memory are refused on all ranks")
        func allreduceSizes() async throws {
            let folder = try TestFolder()
            let least = try await folder.lstmDist("bench", "allreduce", "--max-bytes", "4", "--json", "-", ranks: 2)
            #expect(try JSONValue(parsing: least.output)["rows"]?.arrayValue?.count == 1)
            let huge = try await folder.lstmDist(
                "bench", "allreduce", "--max-bytes", "\(1 << 40)", "--factor", "2", ranks: 2)
            #expect(
                huge.errors.wholeMatch(
                    of:
                        #/lstm-dist: bench allreduce: messages of 1\.0 TiB need 2\.0 TiB on each of 2 ranks of a host that has [0-9.]+ [GTM]iB available; use a smaller --max-bytes\n/#
                ) != nil, "\(huge.errors)")
            #expect(huge.output == "")
            #expect(huge.exitCode == 2)
        }

        // MARK: memory

        @Test("bench memory gives the bandwidth of all ranks together")
        func memory() async throws {
            let run = try await TestFolder().lstmDist("bench", "memory", "--json", "-", ranks: 2)
            let json = try JSONValue(parsing: run.output)
            #expect(json["ranks"]?.integerValue == 2)
            #expect(try #require(json["triad_gb_per_s"]?.numberValue) > 0.1)
        }

        // MARK: neighbour

        @Test("bench neighbour prints lines of a time and a share")
        func neighbour() async throws {
            let began = Date().timeIntervalSince1970
            let run = try await TestFolder().lstmDist("bench", "neighbour", "--seconds", "0.35")
            #expect(run.exitCode == 0 && run.errors == "")
            let lines = run.output.split(separator: "\n").map { $0.split(separator: " ").compactMap { Double($0) } }
            #expect(lines.count >= 1 && lines.count <= 4)
            #expect(lines.allSatisfy { $0.count == 2 && $0[0] > began && 0...1 ~= $0[1] })
        }

        // MARK: scaling

        @Test(
            "bench scaling measures both modes and their upper bounds on each rank count, and writes JSON, CSV and SVG")
        func scaling() async throws {
            let folder = try TestFolder.withText()
            let run = try await folder.lstmDist(
                "bench", "scaling", "small.yaml", "--ranks", "2,1", "--seconds", "0.2", "--repeats", "2", "--quiet",
                "--json", "scaling.json", "--csv", "scaling.csv", "--svg", "scaling.svg")
            #expect(run.errors == "")
            #expect(run.exitCode == 0)
            let json = try JSONValue(parsing: folder.text(of: "scaling.json"))
            let rows = try #require(json["rows"]?.arrayValue)
            #expect(rows.map { $0["mode"]?.stringValue } == ["strong", "strong", "weak", "weak"])
            #expect(rows.map { $0["ranks"]?.integerValue } == [1, 2, 1, 2])
            #expect(rows.map { $0["batch"]?.integerValue } == [12, 12, 12, 24])
            for row in rows {
                func figure(_ key: String) throws -> Double { try #require(row[key]?.numberValue, "\(key)") }
                let tokens = try figure("tokens_per_second")
                #expect(try figure("tokens_per_second_min")...figure("tokens_per_second_max") ~= tokens)
                let first = try #require(rows.first { $0["mode"] == row["mode"] })
                let base = try #require(first["tokens_per_second"]?.numberValue)
                expectClose([try figure("speedup")], [tokens / base], within: 1e-9, "speedup")
                expectClose(
                    [try figure("efficiency")], [try figure("speedup") / figure("ranks")], within: 1e-9, "efficiency")
                #expect(try figure("quiet_steps") <= figure("steps"))
                #expect(try (row["of_peak"] == .null) == (figure("quiet_steps") == 0))
                for key in ["gflops_per_rank", "compute_fraction", "update_fraction", "memory_gb_per_s"] {
                    #expect(try figure(key) > 0, "\(key)")
                }
                #expect((row["side_by_side_tokens_per_second"]?.numberValue != nil) == (try figure("ranks") > 1))
            }
            let lines = try folder.text(of: "scaling.csv").split(separator: "\n")
            #expect(lines.first.map(String.init) == rows[0].members?.map(\.key).joined(separator: ","))
            #expect(lines.count == 5)
            #expect(try folder.text(of: "scaling.svg").hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\""))
            let best = rows.suffix(2).compactMap { $0["tokens_per_second"]?.numberValue }.max() ?? 0
            #expect(lastLine(run) == "FOM tokens_per_second = \((best * 10).rounded() / 10)")
            #expect(try folder.names(in: ".").filter { $0.hasPrefix("scaling") }.count == 3)
        }

        @Test("bench scaling under mpirun is refused, on one rank too", arguments: [1, 3])
        func scalingUnderMPI(ranks: Int) async throws {
            let run = try await TestFolder().lstmDist("bench", "scaling", ranks: ranks, limit: .seconds(30))
            #expect(
                run.errors
                    == "lstm-dist: bench scaling starts mpirun itself, once for each rank count; run lstm-dist bench "
                    + "scaling without mpirun or srun before it\n")
            #expect(run.output == "")
            #expect(run.exitCode == 2)
        }

        @Test("a missing mpirun is reported, and a failing one with its error output")
        func scalingFailures() async throws {
            let folder = try TestFolder.withText()
            let program = try TestFolder.program.path
            let missing = try await folder.lstmDist(
                "bench", "scaling", "--quiet", environment: ["PATH": folder.url.path], limit: .seconds(30))
            // env is found by its absolute path, the program through /proc.
            #expect(
                missing.errors
                    == "lstm-dist: bench scaling requires mpirun, which is not on the PATH; Debian package: "
                    + "openmpi-bin\n")
            #expect(missing.exitCode == 1)
            try folder.write(program: "#!/bin/sh\necho no slots >&2\nexit 3\n", to: "mpirun")
            let failing = try await folder.lstmDist(
                "bench", "scaling", "--quiet", "--ranks", "2", environment: ["PATH": folder.url.path],
                limit: .seconds(30))
            #expect(failing.errors.hasPrefix("lstm-dist: bench scaling: '\(folder.url.path)/mpirun -q -n 2 "))
            #expect(failing.errors.contains("\(program) bench memory "))
            #expect(failing.errors.hasSuffix("' ended with 3; standard error: no slots\n"), "\(failing.errors)")
            #expect(failing.exitCode == 1)
        }

        // MARK: what cannot work

        @Test(
            "invalid options end all ranks with one sentence",
            arguments: [
                ("allreduce --max-bytes 3", "--max-bytes is 3; accepted: 4 or more"),
                ("allreduce --factor 1", "--factor is 1; accepted: 2 to 1024"),
                ("step --seconds 0", "--seconds is 0.0; accepted: above 0"),
                ("scaling --repeats 0", "--repeats is 0; accepted: 1 to 1000"),
                ("scaling --ranks 1,,2", "--ranks is 1,,2; accepted: rank counts from 1 to 4096, as 1,2,4"),
                ("scaling --ranks 0", "--ranks is 0; accepted: rank counts from 1 to 4096, as 1,2,4"),
                ("scaling --svg -", "--svg is -; accepted: a file (--json takes -)"),
            ])
        func impossible(words: String, sentence: String) async throws {
            let run = try await MPIRun.run(
                TestFolder.program, ["bench"] + words.split(separator: " ").map(String.init), ranks: 3,
                limit: .seconds(30))
            #expect(run.errors.split(separator: "\n").first.map(String.init) == "Error: \(sentence)")
            #expect(run.output == "")
            #expect(run.exitCode == 2)
        }

        @Test("a file that can't be written, and a task without tokens, are refused before anything is measured")
        func impossibleFiles() async throws {
            let folder = try TestFolder().write("task: reber\n", to: "reber.yaml")
            for words in [["step"], ["allreduce"], ["memory"]] {
                let run = try await MPIRun.run(
                    TestFolder.program, ["bench"] + words + ["--json", "/absent/x.json"], ranks: 3, limit: .seconds(30))
                #expect(
                    run.errors
                        == "lstm-dist: --json /absent/x.json: there is no folder /absent; accepted: a file in a writable "
                        + "folder\n")
                #expect(run.exitCode == 2)
            }
            let drawing = try await folder.lstmDist("bench", "scaling", "--svg", ".", limit: .seconds(30))
            #expect(
                drawing.errors
                    == "lstm-dist: --svg .: it is a folder; accepted: a file in a writable folder\n")
            #expect(drawing.exitCode == 2)
        }

        @Test("bench step measures every task, also one without tokens", arguments: ["reber", "adding"], [1, 3])
        func everyTask(task: String, ranks: Int) async throws {
            let folder = try TestFolder()
            try folder.write("task: \(task)\nmodel: {hidden: 8}\ntraining: {batch: 5}\n", to: "task.yaml")
            let run = try await folder.lstmDist(
                "bench", "step", "task.yaml", "--seconds", "0.1", "--json", "step.json", ranks: ranks)
            #expect(run.exitCode == 0, "\(run.errors)")
            let json = try JSONValue(parsing: folder.text(of: "step.json"))
            #expect(json["ranks"]?.integerValue == ranks)
            // A sequence has at least 7 symbols, or 100 pairs; five of them are a step.
            let tokensPerStep =
                try #require(json["tokens_per_second"]?.numberValue)
                * (try #require(json["step_ms"]?.numberValue)) / 1000
            #expect(tokensPerStep >= (task == "reber" ? 5 * 7 : 5 * 100) - 1)
            #expect(tokensPerStep <= 5 * 200)
        }
    }
}
