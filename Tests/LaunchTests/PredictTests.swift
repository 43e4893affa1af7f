// `predict`: a model's outputs as a CSV file.

import FileFormats
import Foundation
import LaunchSupport
import Testing

extension CommandLineTests {
    @Suite("predict")
    struct PredictTests {
        private func rows(_ text: String) -> [[String]] {
            text.split(separator: "\n").map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
            }
        }

        @Test("a row for each validation sequence of a generated task, the same bytes on any number of ranks")
        func sequences() async throws {
            let folder = try TestFolder().write(
                """
                task: temporal-order
                data: {sequences_per_epoch: 30}
                model: {hidden: 7}
                training: {batch: 10, epochs: 2}
                validation: {batch: 300}

                """, to: "order.yaml")
            try await folder.train("order.yaml", into: "run")
            let score = try await folder.lstmDist("evaluate", "run")
            for ranks in [1, 2, 3] {
                let run = try await folder.lstmDist("predict", "run", "--output", "on-\(ranks).csv", ranks: ranks)
                #expect(run.exitCode == 0 && run.output.isEmpty, "\(run.errors)")
                #expect(try folder.text(of: "on-\(ranks).csv") == folder.text(of: "on-1.csv"))
            }
            let rows = rows(try folder.text(of: "on-1.csv"))
            #expect(rows[0] == ["sequence", "step", "class", "target", "p_XX", "p_XY", "p_YX", "p_YY"])
            #expect(rows.count == 1001 && rows.dropFirst().enumerated().allSatisfy { "\($0)" == $1[0] })
            // The loss of these probabilities is the one that evaluate prints.
            let classes = ["XX", "XY", "YX", "YY"]
            let losses = try rows.dropFirst().map { row in
                let target = try #require(classes.firstIndex(of: row[3]))
                return -log(try #require(Double(row[4 + target])))
            }
            expectClose(
                [losses.reduce(0, +) / Double(losses.count)], [try figure("loss", of: score)], within: 1e-5, "loss")
        }

        @Test("a row for each token of a text, in its order")
        func text() async throws {
            let folder = try TestFolder.withText()
            try await folder.train("small.yaml", into: "run", set: ["training.steps=5", "validation.batch=1"])
            try folder.write("ab \"c,\n", to: "other.txt")
            let run = try await folder.lstmDist("predict", "run", "--input", "text.txt", "--output", "-", ranks: 2)
            let count = try folder.text(of: "text.txt").unicodeScalars.count
            #expect(run.exitCode == 0, "\(run.errors)")
            #expect(run.output.hasPrefix("sequence,step,token,probability,likeliest\n0,0,"))
            let score = try await folder.lstmDist("evaluate", "run", "--data", "text.txt")
            #expect(try figure("tokens", of: score) == Double(count - 1))
            // A line break in quotes is a token.
            #expect(run.output.replacing("\"\n\"", with: "").count { $0 == "\n" } == count)
        }

        @Test("a file for a task that reads none, and an output that can't be written, are refused", arguments: [1, 2])
        func refused(ranks: Int) async throws {
            let folder = try TestFolder().write(
                "task: reber\ntraining: {epochs: 1}\nmodel: {hidden: 3}\n", to: "r.yaml")
            try await folder.train("r.yaml", into: "run")
            let read = try await folder.lstmDist(
                "predict", "run", "--input", "r.yaml", "--output", "x.csv", ranks: ranks)
            #expect(read.exitCode == 2)
            #expect(
                read.errors
                    == "lstm-dist: --input r.yaml: task reber generates its sequences and reads no file; omit "
                    + "--input\n")
            let written = try await folder.lstmDist("predict", "run", "--output", "gone/x.csv", ranks: ranks)
            #expect(written.exitCode == 2 && written.errors.contains("there is no folder gone"), "\(written.errors)")
            #expect(!folder.has("x.csv"))
        }
    }
}
