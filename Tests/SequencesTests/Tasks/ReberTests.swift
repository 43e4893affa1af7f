import Sequences
import Tensors
import Testing

/// Figures 3 and 4 of the paper, edge by edge: node, symbol, next node. Node 9 is the end of the inner string.
private let innerEdges = [
    "0 B 1", "1 T 2", "1 P 3", "2 S 2", "2 X 4", "3 T 3", "3 V 5", "4 X 3", "4 S 6", "5 P 4", "5 V 6", "6 E 9",
]

/// The symbols that may follow the beginning of an embedded string; nil if the beginning is not legal.
private func legal(after beginning: [Character]) -> Set<Character>? {
    var allowed: Set<Character> = ["B"]
    var node = 0
    for (index, symbol) in beginning.enumerated() {
        guard allowed.contains(symbol) else { return nil }
        switch (index, node) {
        case (0, _): allowed = ["T", "P"]
        case (1, _): allowed = ["B"]
        case (_, 9): (allowed, node) = (["E"], 10)
        case (_, 10): allowed = []
        default:
            guard let edge = innerEdges.first(where: { $0.hasPrefix("\(node) \(symbol) ") }) else { return nil }
            node = Int(String(edge.suffix(1))) ?? 0
            let next = innerEdges.filter { $0.hasPrefix("\(node) ") }.map { $0[$0.index($0.startIndex, offsetBy: 2)] }
            allowed = node == 9 ? [beginning[1]] : Set(next)
        }
    }
    return allowed
}

@Suite("Embedded Reber grammar")
struct ReberTests {
    private let task = Reber()

    private func string(_ sequence: DrawnSequence) -> [Character] {
        let inputs = (0..<sequence.length).map { t in
            Reber.Grammar.symbols[sequence.features[7 * t..<7 * t + 7].firstIndex(of: 1).map { $0 - 7 * t } ?? 0]
        }
        return inputs + [Reber.Grammar.symbols[Int(sequence.targets[sequence.length - 1])]]
    }

    private func strings(_ count: Int) -> [[Character]] {
        (0..<count).map { index in
            var random = CounterRandom(seed: 5, purpose: .trainingSequence, index: index)
            return string(task.draw(&random))
        }
    }

    @Test("every string is complete and legal by the paper's figures")
    func legality() {
        for string in strings(2000) { #expect(legal(after: string) == [], "\(String(string))") }
    }

    @Test("the second-to-last symbol repeats the second")
    func outerSymbol() {
        for string in strings(2000) {
            #expect(string[1] == string[string.count - 2] && "TP".contains(string[1]), "\(String(string))")
        }
    }

    @Test("at every node with a choice both branches are taken about half the time")
    func branches() {
        var counts: [String: [Character: Int]] = ["outer": [:]]
        for string in strings(4000) {
            counts["outer", default: [:]][string[1], default: 0] += 1
            var node = "0"
            for symbol in string[2..<string.count - 2] {
                counts[node, default: [:]][symbol, default: 0] += 1
                node = innerEdges.first { $0.hasPrefix("\(node) \(symbol) ") }.map { String($0.suffix(1)) } ?? "?"
            }
        }
        for (node, taken) in counts where !["0", "6"].contains(node) {
            #expect(taken.count == 2)
            let total = taken.values.reduce(0, +)
            // 4 standard deviations; the seed is fixed.
            for count in taken.values {
                #expect(abs(Double(count) / Double(total) - 0.5) < 2 / Double(total).squareRoot(), "\(node)")
            }
        }
        #expect(counts.count == 8)
    }

    @Test("inputs are one-hot, and each target is the next input")
    func oneHot() {
        for index in 0..<200 {
            var random = CounterRandom(seed: 6, purpose: .trainingSequence, index: index)
            let sequence = task.draw(&random)
            #expect(sequence.features.count == 7 * sequence.length)
            #expect(sequence.features.allSatisfy { $0 == 0 || $0 == 1 })
            for t in 0..<sequence.length {
                #expect(sequence.features[7 * t..<7 * t + 7].reduce(0, +) == 1)
                if t > 0 { #expect(sequence.features[7 * t + Int(sequence.targets[t - 1])] == 1) }
            }
        }
    }

    @Test("the grammar's legal symbols are those of the paper's figures at every index of every string")
    func legalSets() {
        for string in strings(300) {
            var grammar = Reber.Grammar()
            for (index, symbol) in string.enumerated() {
                let symbols = Set(grammar.legal.map { Reber.Grammar.symbols[$0] })
                #expect(symbols == legal(after: Array(string[..<index])), "\(String(string[..<index]))")
                grammar.advance(Reber.Grammar.symbols.firstIndex(of: symbol) ?? 0)
            }
            #expect(grammar.legal.isEmpty)
        }
    }

    /// Probabilities with the legal symbols first, by the plain figures.
    private func perfect(_ batch: Batch, _ row: Int) -> [Float] {
        let beginning = stride(from: row % batch.sequences, through: row, by: batch.sequences).map {
            Reber.Grammar.symbols[batch.hot($0, width: 7)]
        }
        let symbols = legal(after: beginning) ?? []
        return Reber.Grammar.symbols.map { symbols.contains($0) ? 1 / Float(symbols.count) : 0 }
    }

    @Test("a perfect predictor is right on every string")
    func perfection() {
        let batch = batch(of: task, sequences: 50)
        let evaluation = Evaluation(task, batch) { perfect(batch, $0) }
        #expect(evaluation.sums == [50, 50])
        #expect(evaluation.errors == [Float](repeating: 0, count: 50))
        #expect(task.isSolved(validationSums: evaluation.sums) == true)
    }

    @Test("one wrong time step makes its string wrong, and no other")
    func oneWrongStep() {
        let batch = batch(of: task, sequences: 4)
        for wrong in batch.targets.indices where batch.targets[wrong] != Batch.unscored {
            let evaluation = Evaluation(task, batch) { row in
                let output = perfect(batch, row)
                // The illegal symbols have the probability of the legal ones.
                return row == wrong ? output.map { _ in 1 / 7 } : output
            }
            #expect(evaluation.sums == [3, 4])
            #expect(evaluation.errors == (0..<4).map { $0 == wrong % 4 ? 1 : 0 })
            #expect(task.isSolved(validationSums: evaluation.sums) == false)
        }
    }

    @Test("all legal symbols must rank before all others")
    func bothBranches() {
        let batch = batch(of: task, sequences: 1)
        // The second time step has two legal symbols, T (1) and P (2).
        func sums(_ output: [Float]) -> [Double] {
            Evaluation(task, batch) { $0 == 0 ? output : perfect(batch, $0) }.sums
        }
        #expect(sums([0.1, 0.45, 0.4, 0.05, 0, 0, 0]) == [1, 1])
        #expect(sums([0.4, 0.45, 0.1, 0.05, 0, 0, 0]) == [0, 1])
        #expect(sums([0.4, 0.2, 0.4, 0, 0, 0, 0]) == [0, 1])
    }

    @Test("a NaN is wrong at any index")
    func nan() {
        let batch = batch(of: task, sequences: 2)
        #expect(Evaluation(task, batch) { _ in [Float](repeating: .nan, count: 7) }.sums == [0, 2])
        for symbol in 0..<7 {
            let evaluation = Evaluation(task, batch) { row in
                var output = perfect(batch, row)
                if row == 0 { output[symbol] = .nan }
                return output
            }
            #expect(evaluation.sums == [1, 2], "symbol \(symbol)")
        }
    }

    @Test("accuracy is the fraction of correct strings, and a validation without strings doesn't solve the task")
    func metrics() {
        #expect(task.metrics(loss: 1, sums: [3, 4]).map { "\($0.name) \($0.value)" } == ["accuracy 0.75"])
        #expect(task.isSolved(validationSums: [0, 0]) == false)
        #expect(task.canBeSolved)
    }
}
