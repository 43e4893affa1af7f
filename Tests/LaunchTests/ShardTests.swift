// The distribution of a step's sequences over ranks does not change results.

import LaunchSupport
import Testing

extension LaunchTests {
    @Suite("shards")
    struct ShardTests {
        @Test(
            "the losses of a text depend neither on the ranks nor on the parts of a step",
            arguments: [
                (batch: 10, ranks: 3, parts: 1), (batch: 10, ranks: 4, parts: 3), (batch: 3, ranks: 5, parts: 1),
                (batch: 3, ranks: 5, parts: 3), (batch: 10, ranks: 1, parts: 3), (batch: 1, ranks: 2, parts: 1),
            ])
        func text(batch: Int, ranks: Int, parts: Int) async throws {
            let folder = try TestFolder.withText()
            let one = try await ReferenceRuns.run(smallConfig, set: ["training.batch=\(batch)"])
            let many = try await folder.train(
                "small.yaml", into: "many", ranks: ranks,
                set: ["training.batch=\(batch)", "training.accumulate=\(parts)"])
            expectClose(try many.figures(), try one.figures(), within: 1e-4)
            expectClose(try many.figures("gradient_norm"), try one.figures("gradient_norm"), within: 1e-3, "norms")
        }

        @Test(
            "a last step with fewer sequences is weighted by its sequences",
            arguments: [
                (batch: 3, ranks: 5, parts: 1), (batch: 4, ranks: 3, parts: 3), (batch: 10, ranks: 4, parts: 1),
            ])
        func shortStep(batch: Int, ranks: Int, parts: Int) async throws {
            // The fifth, fourth or second step of an epoch has a single sequence.
            let folder = try TestFolder().write(
                """
                task: adding
                data: {length: 24, sequences_per_epoch: 13}
                model: {hidden: 6}
                training: {batch: \(batch), steps: 12}
                validation: {every_epochs: 0}
                logging: {every_steps: 1}

                """, to: "task.yaml")
            let one = try await folder.train("task.yaml", into: "one")
            let many = try await folder.train(
                "task.yaml", into: "many", ranks: ranks, set: ["training.accumulate=\(parts)"])
            expectClose(try many.figures(), try one.figures(), within: 1e-4)
        }

        @Test(
            "a validation's figures are the same on all ranks, on the root alone, and on any number",
            arguments: selection([2, 4], of: [2, 3, 4, 5]))
        func validation(ranks: Int) async throws {
            let folder = try TestFolder.withText()
            func train(_ run: String, _ place: String) async throws -> [Double] {
                try await folder.train(
                    "small.yaml", into: run, ranks: ranks,
                    set: [
                        "data.validation_fraction=0.2", "validation.every_steps=10", "validation.batch=7",
                        "validation.ranks=\(place)",
                    ]
                ).figures(of: "validation")
            }
            let all = try await train("all", "all")
            #expect(all.count == 3)
            expectClose(try await train("root", "root"), all, within: 1e-6, "validations")
            // The last weights, scored again by one rank.
            let alone = try await folder.lstmDist("evaluate", "all/checkpoints/latest")
            expectClose([try figure("loss", of: alone)], [all[2]], within: 1e-6, "evaluation")
        }
    }
}
