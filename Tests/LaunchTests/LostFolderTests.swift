// A job whose run folder is moved, deleted or taken over while it trains; and the state of a holder on another machine.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension WaitingTests {
    @Suite("run folders that are lost, and holders that are silent")
    struct LostFolderTests {
        private static let config = characterConfig(
            hidden: 24, embedding: 9, training: "batch: 10, window: 12, steps: 100000000",
            "logging: {every_steps: 5}")

        private static let words = ["train", "small.yaml", "--run", "run", "--quiet"]

        private static func sentence(_ reason: String) -> String {
            "lstm-dist: The run folder run is no longer this job's: \(reason). The job ends without a checkpoint and leaves the "
                + "folder as it is.\n"
        }

        /// Writes the lock of a job on another machine, with the age of its last heartbeat.
        private func writeRemoteLock(in folder: TestFolder, secondsAgo: Double) throws {
            let lock: JSONValue = [
                "host": "there", "process": 4711, "job": .null, "started": "1", "machine": "another boot",
            ]
            try folder.write(lock.indentedText, to: "run/remote-lock")
            try FileManager.default.setAttributes(
                [.modificationDate: Date.now - secondsAgo], ofItemAtPath: folder.url(of: "run/remote-lock").path)
            try? folder.remove("run/lock")
            try folder.move("run/remote-lock", to: "run/lock")
        }

        @Test(
            "a folder that is moved away ends the job with one message, at a heartbeat or at a checkpoint, and is not created again",
            arguments: [(1, 1_000_000_000), (2, 1_000_000_000), (1, 20), (2, 20)])
        func moved(ranks: Int, checkpoints: Int) async throws {
            let folder = try TestFolder.withText(Self.config)
            let words = Self.words + ["--set", "checkpoint.every_steps=\(checkpoints)"]
            let run = try folder.start(words, ranks: ranks == 1 ? nil : ranks)
            try await folder.run("run").wait(for: run, lines: 2)
            try folder.move("run", to: "moved")
            let ended = try await run.result()
            #expect(ended.errors == Self.sentence("it was moved or deleted"))
            #expect(ended.exitCode == 1)
            #expect(!folder.has("run"))
            #expect(try folder.run("moved").outcome()["state"]?.stringValue == "running")
            #expect(!folder.has("moved/failure.json"))
        }

        @Test("a job that was suspended while another took the folder over ends, and writes nothing more there")
        func suspended() async throws {
            let folder = try TestFolder.withText(Self.config)
            let words = Self.words + ["--set", "checkpoint.every_steps=500"]
            let run = try folder.start(words, ranks: nil)
            try await folder.run("run").wait(for: run, lines: 2)
            run.send(SIGSTOP)
            while StartedRun.state(of: run.launcher) != "T" { try await Task.sleep(for: .milliseconds(5)) }
            try writeRemoteLock(in: folder, secondsAgo: 0)
            let files = folder.run("run")
            let before = try (
                files.metrics().count, folder.text(of: "run/lock"), files.outcome(), files.checkpointNames()
            )
            // Longer than two heartbeats.
            try await Task.sleep(for: .seconds(11))
            run.resume()
            let ended = try await run.result()
            #expect(
                ended.errors
                    == Self.sentence(
                        "process 4711 on there has taken it over because this job sent no heartbeat for some time"))
            #expect(ended.exitCode == 1)
            // One line may have been written in between.
            #expect(try files.metrics().count <= before.0 + 1)
            #expect(try folder.text(of: "run/lock") == before.1)
            #expect(try files.outcome() == before.2)
            #expect(try files.checkpointNames().filter { !$0.hasPrefix(".") } == before.3.filter { !$0.hasPrefix(".") })
        }

        @Test("status and stop report a silent holder on another machine, and the next job takes over its folder")
        func silent() async throws {
            let folder = try TestFolder.withText(Self.config)
            try await folder.train("small.yaml", into: "run", set: ["training.steps=20"])
            try folder.write(
                folder.text(of: "run/outcome.json").replacing(#""done""#, with: #""running""#), to: "run/outcome.json")
            try writeRemoteLock(in: folder, secondsAgo: 40)
            let doubt = #/died, or (is )?not visible from here; last heartbeat 4\ds ago/#
            let status = try await folder.lstmDist("status", "run").output
            #expect(status.prefixMatch(of: #/state       /#) != nil && status.contains(doubt), "\(status)")
            let json = try JSONValue(parsing: try await folder.lstmDist("status", "run", "--json").output)
            #expect(json["state"]?.stringValue == "died")
            #expect(json["holder"]?.stringValue == "process 4711 on there")
            let stop = try await folder.lstmDist("stop", "run")
            #expect(stop.errors.hasPrefix("lstm-dist: run: process 4711 on there has died, or is "), "\(stop.errors)")
            #expect(
                stop.errors.contains(doubt) && stop.errors.hasSuffix("s ago\n"))
            #expect(stop.exitCode == 2)
            #expect(!folder.has("run/stop"))

            let start = ContinuousClock.now
            let run = try await folder.lstmDist(Self.words + ["--set", "training.steps=40"])
            #expect(
                run.errors
                    == "warning: The run folder run is in use by process 4711 on there, which is not visible from here and sends no "
                    + "heartbeat; its lock is taken over if none comes within 20 s.\n")
            #expect(run.exitCode == 0)
            // It waits once, not twice.
            #expect((.seconds(20)..<(.seconds(38))).contains(ContinuousClock.now - start))
            #expect(try folder.run("run").outcome()["step"]?.integerValue == 40)
            #expect(!folder.has("run/lock"))
        }
    }
}
