// The default run and the generated tasks.

import FileFormats
import Foundation
import LaunchSupport
import TestSupport
import Testing
import Training

extension LaunchTests {
    @Suite("generated tasks")
    struct TaskTests {
        /// The number in the last line of standard output, if that line reports that the task is solved.
        private func sequencesToSolve(_ run: MPIRun) -> Int? {
            let words = run.output.split(separator: "\n").last?.split(separator: " ") ?? []
            guard words.count == 4, words[0] == "solved", words[1] == "after", words[3] == "sequences" else {
                return nil
            }
            return Int(words[2])
        }

        @Test("without arguments lstm-dist solves embedded Reber, twice with the same losses", arguments: 1...4)
        func reber(ranks: Int) async throws {
            let folder = try TestFolder()
            let first = try await folder.lstmDist(ranks: ranks)
            #expect(first.exitCode == 0)
            #expect(try #require(sequencesToSolve(first), "\(first.output)\(first.errors)") <= 4000)
            let run = folder.run("runs/reber-default")
            #expect(try run.outcome()["reason"]?.stringValue == "the task is solved")
            #expect(try run.figures("accuracy", of: "validation").last == 1)
            guard ranks == 2 else { return }
            let lines = try run.lines()
            let second = try await folder.lstmDist(ranks: ranks)
            #expect(second.exitCode == 0)
            #expect(second.output == first.output)
            #expect(try run.lines() == lines)
        }

        @Test("the embedded default is configs/reber.yaml")
        func embeddedDefault() throws {
            let file = try String(
                contentsOf: ProjectFiles.folder.appending(path: "configs/reber.yaml"), encoding: .utf8)
            #expect(file == DefaultConfiguration.yaml)
        }

        @Test(
            "generated sequences give the same losses on any number of ranks",
            arguments: ["reber", "adding\ndata: {length: 30}", "temporal-order"])
        func sameLosses(task: String) async throws {
            let folder = try TestFolder().write(
                """
                task: \(task)
                model: {hidden: 11}
                training: {batch: 7, steps: 12}
                validation: {every_steps: 6}
                logging: {every_steps: 1}

                """, to: "task.yaml")
            let one = try await folder.train("task.yaml", into: "one", ranks: 1)
            let three = try await folder.train("task.yaml", into: "three", ranks: 3)
            expectClose(try three.figures(), try one.figures(), within: 1e-4)
            expectClose(
                try three.figures(of: "validation"), try one.figures(of: "validation"), within: 1e-4, "validations")
        }

        @Test("a task that is not solved is reported, with exit code 0")
        func notSolved() async throws {
            let folder = try TestFolder().write("task: reber\ntraining: {steps: 3, batch: 5}\n", to: "task.yaml")
            let run = try await folder.lstmDist("train", "task.yaml", "--quiet", ranks: 2)
            #expect(run.errors == "")
            #expect(run.output == "not solved after 15 sequences\n")
            #expect(run.exitCode == 0)
        }
    }
}
