import Sequences
import Tensors
import Testing

@Suite("Temporal order")
struct TemporalOrderTests {
    private static let symbols: [Character] = ["a", "b", "c", "d", "X", "Y", "E", "B"]
    private let task = TemporalOrder()

    private func draws(_ count: Int) -> [(string: [Character], sequence: DrawnSequence)] {
        (0..<count).map { index in
            var random = CounterRandom(seed: 9, purpose: .trainingSequence, index: index)
            let sequence = task.draw(&random)
            let string = (0..<sequence.length).map { t in
                Self.symbols[sequence.features[8 * t..<8 * t + 8].firstIndex(of: 1).map { $0 - 8 * t } ?? 0]
            }
            return (string, sequence)
        }
    }

    @Test("100 to 110 one-hot symbols, E first, B last, each length occurs")
    func lengths() {
        let draws = draws(1000)
        #expect(Set(draws.map(\.string.count)) == Set(100...110))
        for (string, sequence) in draws {
            #expect(string[0] == "E" && string[string.count - 1] == "B")
            #expect(
                sequence.features.count == 8 * string.count && sequence.features.reduce(0, +) == Float(string.count))
            #expect(sequence.features.allSatisfy { $0 == 0 || $0 == 1 })
        }
    }

    @Test("X or Y is at an index in 10...20 and at one in 50...60, each of which occurs, and a to d everywhere else")
    func places() throws {
        var found: (Set<Int>, Set<Int>) = ([], [])
        for (string, _) in draws(2000) {
            let marked = string.indices.filter { "XY".contains(string[$0]) }
            try #require(marked.count == 2)
            found.0.insert(marked[0])
            found.1.insert(marked[1])
            for t in 1..<string.count - 1 where !marked.contains(t) { #expect("abcd".contains(string[t])) }
        }
        #expect(found == (Set(10...20), Set(50...60)))
    }

    @Test("only the last symbol has a class, the order of the two symbols; each class is a quarter of the sequences")
    func classes() {
        var counts = [Int](repeating: 0, count: 4)
        for (string, sequence) in draws(4000) {
            let order = String(string.filter { "XY".contains($0) })
            let target = Int(sequence.targets[string.count - 1])
            #expect(["XX", "XY", "YX", "YY"].firstIndex(of: order) == target)
            #expect(sequence.targets.dropLast().allSatisfy { $0 == Batch.unscored })
            if counts.indices.contains(target) { counts[target] += 1 }
        }
        // 1,000 expected, standard deviation 27; the seed is fixed.
        #expect(counts.allSatisfy { abs($0 - 1000) < 110 })
    }

    @Test("the distractors are uniformly distributed")
    func distractors() {
        let all = draws(200).flatMap { $0.string.filter { "abcd".contains($0) } }
        for symbol in "abcd" {
            #expect(abs(Double(all.count { $0 == symbol }) / Double(all.count) - 0.25) < 0.015)
        }
    }

    @Test("only the right class may be the most likely; a sequence's error is its largest difference from 0 or 1")
    func evaluation() {
        let batch = batch(of: task, sequences: 5)
        /// Probabilities in which the right class is the most likely.
        let outputs: [[Float]] = [
            [0.7, 0.1, 0.1, 0.1], [0.4, 0.5, 0.05, 0.05], [0.4, 0.4, 0.1, 0.1], [1, 0, 0, 0],
            [Float](repeating: .nan, count: 4),
        ]
        let evaluation = Evaluation(task, batch) { row in
            let (output, target) = (outputs[row % 5], Int(batch.targets[row]))
            return (0..<4).map { output[($0 - target + 4) % 4] }
        }
        #expect(evaluation.sums == [2, 5])
        #expect(zip(evaluation.errors, [0.3, 0.6, 0.6, 0]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(evaluation.errors[4].isNaN)
    }

    @Test("the paper's criterion solves the task, a validation can't")
    func solved() {
        #expect(task.criterion?.count == 2000 && task.criterion?.each == 0.3 && task.criterion?.mean == 0.1)
        #expect(task.isSolvedByCriterion && task.canBeSolved)
        #expect(task.isSolved(validationSums: [1000, 1000]) == nil)
        #expect(task.metrics(loss: 1, sums: [3, 4]).map { "\($0.name) \($0.value)" } == ["accuracy 0.75"])
    }
}
