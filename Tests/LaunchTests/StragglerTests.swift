// A rank that computes more slowly than the others is named.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension FaultTests {
    @Suite("stragglers")
    struct StragglerTests {
        @Test("a rank that is delayed repeatedly is named in log and metrics; a single rank is not")
        func delayed() async throws {
            let folder = try TestFolder.withText(
                characterConfig(
                    hidden: 200, embedding: 20, training: "batch: 12, window: 20, steps: 100000",
                    "logging: {every_steps: 5}"))
            let run = try folder.start("train", "small.yaml", "--run", "run", "--max-time", "20s", ranks: 3)
            let ranks = try await run.ranks(3)
            let process = try #require(ranks.dropFirst().first)
            let line = /"slowest_rank":1,.*"slowest_rank_seconds":[0-9.e-]+,"median_rank_seconds":[0-9.e-]+,"fast/
            let deadline = ContinuousClock.now + .seconds(20)
            var isNamed = false
            while !isNamed, run.isRunning, ContinuousClock.now < deadline {
                kill(process, SIGSTOP)
                try await Task.sleep(for: .milliseconds(15))
                kill(process, SIGCONT)
                try await Task.sleep(for: .milliseconds(5))
                isNamed = ((try? folder.text(of: "run/metrics.jsonl")) ?? "").contains(line)
            }
            #expect(isNamed)
            run.send(SIGUSR1)
            let ended = try await run.result()
            #expect(ended.exitCode == 75, "\(ended.errors)")
            let report = #/step \d+: load imbalance: slowest rank \d on \S+, [\d.]+ ms compute per step \(max /#
            #expect(ended.errors.contains(report), "\(ended.errors)")

            try await folder.train("small.yaml", into: "alone", set: ["training.steps=20"])
            #expect(try folder.run("alone").metrics().allSatisfy { $0["slowest_rank"] == nil })
        }
    }
}
