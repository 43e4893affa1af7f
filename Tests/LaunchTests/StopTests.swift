// Stopping a training: state, exit code, and the bits of a run that never stopped.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing

extension WaitingTests {
    @Suite("stopping", .serialized)
    struct StopTests {
        /// More steps than any machine runs before it is stopped, with validations between them; the same bits on any
        /// number of ranks.
        private static let config = """
            task: language-model
            data: {train: text.txt, validation_fraction: 0.2, tokenizer: character}
            model: {hidden: 24, embedding: 9, dropout: 0.2}
            training: {batch: 10, window: 12, steps: 1000000, optimizer: {name: adam, learning_rate: 0.003}}
            validation: {every_steps: 50}
            checkpoint: {every_steps: 1000}
            logging: {every_steps: 5}

            """

        private static let words = ["train", "small.yaml", "--run", "run", "--quiet"]

        private func folder() throws -> TestFolder { try TestFolder.withText(Self.config) }

        private func expectStopped(
            _ folder: TestFolder, _ ended: MPIRun, reason: String, code: Int32 = 75,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            #expect(ended.exitCode == code, "\(ended.errors)", sourceLocation: sourceLocation)
            let outcome = try folder.run("run").outcome()
            let step = try #require(outcome["step"]?.integerValue, sourceLocation: sourceLocation)
            #expect(outcome["state"]?.stringValue == "stopped", sourceLocation: sourceLocation)
            #expect(
                outcome["reason"]?.stringValue == "\(reason); the checkpoint is written", sourceLocation: sourceLocation
            )
            #expect(outcome["next"]?.stringValue?.contains("lstm-dist train small.yaml --run run") == true)
            #expect(0 < step, sourceLocation: sourceLocation)
            #expect(
                folder.has("\(folder.run("run").checkpoint(step))/state.json"), "step \(step)",
                sourceLocation: sourceLocation)
            #expect(!folder.has("run/lock"), sourceLocation: sourceLocation)
        }

        @Test(
            "each signal on one rank and on three, over many sessions: the same bits as never stopped",
            arguments: [1, 3])
        func signals(ranks: Int) async throws {
            let folder = try folder()
            // mpirun handles TERM and INT itself and kills the ranks: launch/local is for those.
            var signals: [(Int32, String)] = [
                (SIGUSR1, "SIGUSR1"), (SIGUSR2, "SIGUSR2"), (SIGXCPU, "SIGXCPU"), (SIGURG, "SIGURG"),
            ]
            if ranks == 1 { signals += [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT"), (SIGHUP, "SIGHUP")] }
            for (number, (signal, name)) in signals.enumerated() {
                let run = try folder.start(Self.words, ranks: ranks == 1 ? nil : ranks)
                let before = (try? folder.run("run").metrics("train").count) ?? 0
                try await folder.run("run").wait(for: run, lines: number == 0 ? 1 : before + 1)
                run.send(signal)
                try expectStopped(folder, try await run.result(), reason: name)
            }
            let step = try #require(try folder.run("run").outcome()["step"]?.integerValue)
            let steps = ["training.steps=\(step + 60)"]
            let run = try await folder.train("small.yaml", into: "run", ranks: 2, set: steps)
            try expectSame(run, try await folder.train("small.yaml", into: "never", set: steps), ignoring: ["ranks"])
        }

        @Test(
            "a stop file, with and without a checkpoint, and the output of status before and after", arguments: [1, 3])
        func stopFile(ranks: Int) async throws {
            let folder = try folder()
            var run = try folder.start(Self.words, ranks: ranks)
            try await folder.run("run").wait(for: run)
            let running = try JSONValue(parsing: try await folder.lstmDist("status", "run", "--json").output)
            #expect(running["state"]?.stringValue == "running")
            #expect(running["holder"]?.stringValue?.hasPrefix("process ") == true)
            let asked = try await folder.lstmDist("stop", "run")
            #expect(asked.output.hasPrefix("asked process ") && asked.exitCode == 0, "\(asked.errors)")
            try expectStopped(folder, try await run.result(), reason: "requested by lstm-dist stop")
            #expect(!folder.has("run/stop"))
            let stopped = try await folder.lstmDist("status", "run")
            #expect(
                stopped.output.hasPrefix(
                    "state       stopped: requested by lstm-dist stop; the checkpoint is written\n"))
            #expect(stopped.output.contains("\nresume      "))

            let step = try #require(try folder.run("run").outcome()["step"]?.integerValue)
            run = try folder.start(Self.words, ranks: ranks)
            let lines = try folder.run("run").metrics("train").count
            try await folder.run("run").wait(for: run, lines: lines + 2)
            #expect(try await folder.lstmDist("stop", "run", "--now").exitCode == 0)
            #expect(try await run.result().exitCode == 75)
            let outcome = try folder.run("run").outcome()
            #expect(outcome["state"]?.stringValue == "stopped")
            let reason = outcome["reason"]?.stringValue ?? ""
            let match = reason.firstMatch(
                of: /requested by lstm-dist stop --now; the last checkpoint is of step (\d+)$/)
            let newest = try #require(match.flatMap { Int($0.1) })
            // The checkpoint that it began with, or one after a validation, but none for the stop.
            #expect(newest == step || newest > step && newest.isMultiple(of: 50), "\(reason)")
            #expect(try #require(outcome["step"]?.integerValue) >= newest)
        }

        @Test("stop and status of a folder without a running training")
        func noTraining() async throws {
            let folder = try folder()
            try await folder.train("small.yaml", into: "run", set: ["training.steps=20"])
            let stop = try await folder.lstmDist("stop", "run")
            #expect(
                stop.errors == "lstm-dist: run: no training is running in this run folder\n")
            #expect(stop.exitCode == 2)
            #expect(!folder.has("run/stop"))
            #expect(
                try await folder.lstmDist("status", "run").output.hasPrefix("state       done: all steps are done\n"))
            for command in ["stop", "status"] {
                #expect(try await folder.lstmDist(command, "absent").exitCode == 2)
                #expect(try await folder.lstmDist(command, ".").exitCode == 2)
            }
        }

        @Test("--max-time ends a session in time, with the requested exit code", arguments: [1, 3])
        func maxTime(ranks: Int) async throws {
            let folder = try folder()
            let start = ContinuousClock.now
            let run = try await folder.lstmDist(
                Self.words + ["--max-time", "5s", "--exit-code-stopped", "99"], ranks: ranks)
            #expect(ContinuousClock.now - start < .seconds(30))
            #expect(run.exitCode == 99)
            let outcome = try folder.run("run").outcome()
            #expect(outcome["reason"]?.stringValue == "--max-time is nearly over; the checkpoint is written")
            #expect(outcome["next"]?.stringValue?.hasSuffix("--run run --exit-code-stopped 99") == true)
        }

        @Test("--stop-at ends a session before that moment")
        func stopAt() async throws {
            let folder = try folder()
            let moment = (Date() + 8).ISO8601Format()
            let run = try await folder.lstmDist(
                "train", "small.yaml", "--run", "run", "--quiet", "--stop-at", moment, ranks: 2)
            #expect(run.exitCode == 75, "\(run.errors)")
            #expect(
                try folder.run("run").outcome()["reason"]?.stringValue
                    == "the time of --stop-at is near; the checkpoint is written")
        }

        @Test("--on-usr1 save writes a checkpoint and training continues")
        func save() async throws {
            let folder = try folder()
            let run = try folder.start(
                Self.words + [
                    "--on-usr1", "save", "--set", "checkpoint.every_steps=1000000", "--set",
                    "validation.every_steps=1000000",
                ], ranks: 2)
            let files = folder.run("run")
            try await files.wait(for: run)
            run.send(SIGUSR1)
            #expect(try await becomesTrue { folder.has("run/checkpoints/latest") })
            let saved = try files.target(of: "latest")
            try await files.wait(for: run, lines: try files.metrics("train").count + 2)
            #expect(run.isRunning)
            run.send(SIGUSR2)
            try expectStoppedEarly(folder, try await run.result())
            let stopped = try files.target(of: "latest")
            #expect(saved < stopped)
        }

        @Test("a second job on a run folder reports the lock's holder, on each number of ranks", arguments: [1, 2])
        func second(ranks: Int) async throws {
            let folder = try folder()
            let first = try folder.start(Self.words, ranks: 2)
            try await folder.run("run").wait(for: first)
            // Concurrently, since each polls for some seconds.
            let jobs = try [[], ["--overwrite"], ["--resume", "never"]].map { options in
                try folder.start(Self.words + options, ranks: ranks)
            }
            for job in jobs {
                let second = try await job.result()
                #expect(
                    second.errors.wholeMatch(
                        of: /lstm-dist: The run folder run is in use by process \d+ on \S+; wait for its .*\n/) != nil,
                    "\(second.errors)")
                #expect(second.exitCode == 2)
            }
            #expect(first.isRunning)
            first.send(SIGUSR1)
            try expectStoppedEarly(folder, try await first.result())
            // A killed job leaves its lock, which the next job takes over.
            let killed = try folder.start(Self.words, ranks: 2)
            let lines = try folder.run("run").metrics("train").count
            try await folder.run("run").wait(for: killed, lines: lines + 1)
            try await killed.kill()
            #expect(folder.has("run/lock"))
            #expect(try await folder.lstmDist("status", "run").output.hasPrefix("state       died: training; "))
            let steps = try #require(try folder.run("run").outcome()["step"]?.integerValue)
            try await folder.train("small.yaml", into: "run", ranks: ranks, set: ["training.steps=\(steps + 100)"])
            #expect(!folder.has("run/lock"))
        }

        private func expectStoppedEarly(_ folder: TestFolder, _ ended: MPIRun) throws {
            #expect(ended.exitCode == 75, "\(ended.errors)")
            #expect(try folder.run("run").outcome()["state"]?.stringValue == "stopped")
        }

        @Test(
            "invalid times are refused with the accepted values",
            arguments: [
                ("--max-time", "soon", "a duration such as 3h50m"), ("--max-time", "90", "a duration such as 3h50m"),
                ("--stop-at", "never", "a time such as 18:00"),
                ("--stop-at", "2001-01-01T00:00", "a time in the future"),
                ("--exit-code-stopped", "0", "1 to 255"), ("--on-usr1", "die", "stop"),
            ])
        func refused(option: String, value: String, accepted: String) async throws {
            let run = try await folder().lstmDist("train", "small.yaml", option, value, ranks: 2)
            #expect(run.errors.contains(option) && run.errors.contains(accepted), "\(run.errors)")
            #expect(run.exitCode == 2)
        }
    }
}
