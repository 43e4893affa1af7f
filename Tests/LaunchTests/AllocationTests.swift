// The heap allocations of a training step, counted by the program StepAllocations.

import Foundation
import LaunchSupport
import Testing

extension LaunchTests {
    @Suite("allocations")
    struct AllocationTests {
        /// Every kind of memory that a step uses: masks, embeddings of words and of characters, folded and not folded,
        /// many classes and few, optimiser state, parts of a batch.
        private static let models = [
            "data: {train: text.txt, tokenizer: word}\nmodel: {cell: lstm, layers: 2, hidden: 24, embedding: 10, dropout: 0.3}",
            "data: {train: text.txt, tokenizer: character}\nmodel: {cell: gru, layers: 1, hidden: 20, embedding: 10}",
            "data: {train: letters.txt, tokenizer: character}\nmodel: {cell: rnn, layers: 2, hidden: 33, embedding: 3}",
        ]
        private static let training = [
            "{batch: 6, window: 7, optimizer: {name: adam}, clip_norm: 0.5}",
            "{batch: 7, window: 5, accumulate: 2, optimizer: {name: sgd, learning_rate: 0.1}}",
        ]

        private func folder(
            _ model: String, _ training: String, _ reduction: String = "fast"
        ) throws -> TestFolder {
            try TestFolder.withText(
                "task: language-model\n\(model)\ntraining: \(training)\n"
                    + "communication: {reduction: \(reduction)}\n"
            )
            .write(String(repeating: "abbabaab", count: 600), to: "letters.txt")
        }

        private func counts(_ folder: TestFolder, ranks: Int, _ arguments: String...) async throws -> [Int] {
            let run = try await MPIRun.run(
                try BuiltProduct.named("StepAllocations"), ["small.yaml"] + arguments, ranks: ranks, in: folder.url)
            #expect(run.exitCode == 0, "\(run.errors)")
            let pattern = /rank \d+: (\d+) allocations in 100 steps/
            return run.output.split(separator: "\n").compactMap { line in
                line.wholeMatch(of: pattern).flatMap { Int($0.1) }
            }
        }

        struct Case: Sendable {
            let model: Int
            let ranks: Int
            let training: Int
            let reduction: String

            static let all = (0..<3).flatMap { model in
                (1...3).flatMap { ranks in
                    (0..<2).flatMap { training in
                        ["fast", "reproducible"].map {
                            Case(model: model, ranks: ranks, training: training, reduction: $0)
                        }
                    }
                }
            }
            /// The first model with everything on one rank and on three, the others with each value once on two.
            static let few = all.filter { one in
                one.model == 0 ? one.ranks != 2 : one.ranks == 2 && (one.training == 0) == (one.reduction != "fast")
            }
        }

        @Test("a hundred steps of a language model allocate nothing", arguments: selection(Case.few, of: Case.all))
        func none(one: Case) async throws {
            let counts = try await counts(
                folder(Self.models[one.model], Self.training[one.training], one.reduction), ranks: one.ranks)
            #expect(counts == [Int](repeating: 0, count: one.ranks))
        }

        @Test("with several threads, only the distribution of work allocates, and the counter counts it")
        func threads() async throws {
            let counts = try await counts(folder(Self.models[0], Self.training[0]), ranks: 2, "--threads", "3")
            #expect(counts.count == 2 && counts.allSatisfy { (1...1000).contains($0) }, "\(counts)")
        }
    }
}
