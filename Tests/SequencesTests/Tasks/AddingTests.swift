import Sequences
import Tensors
import Testing

@Suite("Adding problem")
struct AddingTests {
    private func draws(_ count: Int, length: Int) -> [DrawnSequence] {
        (0..<count).map { index in
            var random = CounterRandom(seed: 8, purpose: .trainingSequence, index: index)
            return Adding(length: length).draw(&random)
        }
    }

    private func markers(_ sequence: DrawnSequence) -> [Float] {
        (0..<sequence.length).map { sequence.features[2 * $0 + 1] }
    }
    private func values(_ sequence: DrawnSequence) -> [Float] {
        (0..<sequence.length).map { sequence.features[2 * $0] }
    }
    private func marks(_ sequence: DrawnSequence) -> [Int] {
        markers(sequence).indices.filter { markers(sequence)[$0] == 1 }
    }

    @Test("sequences have T to T + T/10 pairs, each length occurs", arguments: [24, 50, 100])
    func lengths(length: Int) {
        #expect(Set(draws(1500, length: length).map(\.length)) == Set(length...length + length / 10))
        #expect(Adding(length: length).longestSequence == length + length / 10)
    }

    @Test("two pairs are marked 1, unmarked ends -1, the others 0", arguments: [24, 100])
    func markers(length: Int) throws {
        for sequence in draws(1500, length: length) {
            let marks = marks(sequence)
            try #require(marks.count == 2)
            for (t, marker) in markers(sequence).enumerated() where !marks.contains(t) {
                #expect(marker == (t == 0 || t == sequence.length - 1 ? -1 : 0))
            }
        }
    }

    @Test(
        "one mark is among the first ten pairs, the other among the first T/2 - 1, each index occurs",
        arguments: [24, 100])
    func places(length: Int) throws {
        var firsts: Set<Int> = []
        var seconds: Set<Int> = []
        for sequence in draws(6000, length: length) {
            let marks = marks(sequence)
            try #require(marks.count == 2)
            #expect(marks[0] < 10 && marks[1] < length / 2 - 1)
            firsts.insert(marks[0])
            seconds.insert(marks[1])
        }
        #expect(firsts == Set(0..<10))
        #expect(seconds == Set(1..<length / 2 - 1))
    }

    @Test("the target is 0.5 + (X1 + X2) / 4 at the last pair only, where X is 0 if the first pair is marked")
    func target() throws {
        var firstPairs = 0
        for sequence in draws(1500, length: 100) {
            let (values, marks) = (values(sequence), marks(sequence))
            try #require(marks.count == 2)
            #expect(sequence.targets.dropLast().allSatisfy { $0 == Batch.unscored })
            #expect(sequence.targets[sequence.length - 1] >= 0)
            #expect(sequence.values.count == sequence.length)
            let sum = Double(values[marks[0]]) + Double(values[marks[1]])
            #expect(abs(Double(sequence.values[sequence.length - 1]) - (0.5 + sum / 4)) < 1e-7)
            if marks[0] == 0 {
                firstPairs += 1
                #expect(values[0] == 0)
            } else {
                #expect(values[0] != 0)
            }
        }
        // About one in ten, plus those whose second mark is there.
        #expect((100...240).contains(firstPairs))
    }

    @Test("values are uniform in [-1, 1]")
    func uniform() {
        let values = draws(200, length: 100).flatMap { self.values($0).dropFirst() }
        #expect(values.allSatisfy { abs($0) <= 1 })
        let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
        let square = values.reduce(0) { $0 + Double($1) * Double($1) } / Double(values.count)
        #expect(abs(mean) < 0.02 && abs(square - 1.0 / 3) < 0.01)
    }

    @Test("an output with an error above 0.04 is wrong, and so is a NaN")
    func evaluation() {
        let task = Adding(length: 100)
        let batch = batch(of: task, sequences: 5)
        let offsets: [Float] = [0, 0.039, -0.039, 0.041, .nan]
        let evaluation = Evaluation(task, batch) { row in [batch.targetValues[row] + offsets[row % 5]] }
        #expect(evaluation.sums == [2, 5])
        #expect(zip(evaluation.errors, offsets).dropLast().allSatisfy { abs($0 - abs($1)) < 1e-6 })
        #expect(evaluation.errors[4].isNaN)
    }

    @Test("at most one wrong output solves the task, a validation without sequences doesn't")
    func solved() {
        let task = Adding(length: 100)
        #expect(task.isSolved(validationSums: [0, 2560]) == true)
        #expect(task.isSolved(validationSums: [1, 2560]) == true)
        #expect(task.isSolved(validationSums: [2, 2560]) == false)
        #expect(task.isSolved(validationSums: [0, 0]) == false)
        #expect(task.criterion?.count == 2000 && task.criterion?.each == 0.04 && task.criterion?.mean == 0.01)
        #expect(!task.isSolvedByCriterion && task.canBeSolved)
        let metrics = task.metrics(loss: 0.25, sums: [64, 2560]).map { "\($0.name) \($0.value)" }
        #expect(metrics == ["rmse 0.5", "accuracy 0.975", "wrong 64.0"])
    }
}
