package import ConfigFile
package import Tensors

/// The embedded Reber grammar: predict the next symbol at each time step. The second-to-last symbol repeats the second,
/// across an inner string of any length.
///
/// Source: Hochreiter & Schmidhuber (1997), section 5.1 and figures 3 and 4; Reber (1967). Symbols are one-hot inputs.
package struct Reber: GeneratedTask {
    package static let name = "reber"
    package static let validationSequences = 1000
    package let shape = TaskShape(input: .features(Grammar.symbols.count), output: .classes(Grammar.symbols.count))

    package let longestSequence = 64

    package init(_ configuration: Configuration) {}
    package init() {}

    /// The transition diagrams: the inner one, embedded in the outer one.
    package struct Grammar: Sendable {
        package static let symbols: [Character] = ["B", "T", "P", "S", "X", "V", "E"]
        static let (B, T, P, S, X, V, E) = (0, 1, 2, 3, 4, 5, 6)

        /// The inner grammar: at each node the two (or one) symbols and the nodes they lead to.
        private static let inner: [[(symbol: Int, next: Int)]] = [
            [(B, 1)], [(T, 2), (P, 3)], [(S, 2), (X, 4)], [(T, 3), (V, 5)], [(X, 3), (S, 6)], [(P, 4), (V, 6)],
            [(E, 7)],
        ]

        private enum State {
            case start
            case choice
            case inner(Int)
            case repetition
            case end
            case over
        }

        private var state = State.start
        private var outer = 0

        package init() {}

        /// The possible next symbols; none at the end.
        package var legal: [Int] {
            switch state {
            case .start: [Self.B]
            case .choice: [Self.T, Self.P]
            case .inner(let node): Self.inner[node].map(\.symbol)
            case .repetition: [outer]
            case .end: [Self.E]
            case .over: []
            }
        }

        /// Advances by a symbol, which must be legal.
        package mutating func advance(_ symbol: Int) {
            precondition(legal.contains(symbol), "symbol \(symbol) is not legal here")
            switch state {
            case .start: state = .choice
            case .choice:
                outer = symbol
                state = .inner(0)
            case .inner(let node):
                let next = Self.inner[node].first { $0.symbol == symbol }?.next ?? 7
                state = next == 7 ? .repetition : .inner(next)
            case .repetition: state = .end
            case .end, .over: state = .over
            }
        }
    }

    /// Draws a string, each choice with probability one half: all symbols but the last are inputs, their successors
    /// targets.
    package func draw(_ random: inout CounterRandom) -> DrawnSequence {
        var grammar = Grammar()
        var string: [Int] = []
        while case let legal = grammar.legal, !legal.isEmpty {
            let symbol = legal[legal.count > 1 ? random.below(legal.count) : 0]
            string.append(symbol)
            grammar.advance(symbol)
        }
        let width = Grammar.symbols.count
        var features = [Float](repeating: 0, count: (string.count - 1) * width)
        for (t, symbol) in string.dropLast().enumerated() { features[t * width + symbol] = 1 }
        return DrawnSequence(features: features, targets: string.dropFirst().map { Int32($0) })
    }

    /// Sums: strings in which all legal symbols rank before all others at every time step, and all strings.
    package let sumCount = 2

    package func judge(_ batch: Batch, _ outputs: ScoredOutputs, sums: inout [Double], sequenceErrors: inout [Float]) {
        var grammars = [Grammar](repeating: Grammar(), count: batch.sequences)
        var isCorrect = [Bool](repeating: true, count: batch.sequences)
        let width = Grammar.symbols.count
        for (index, row) in outputs.rows.enumerated() {
            let sequence = Int(row) % batch.sequences
            let input = batch.features[Int(row) * width..<(Int(row) + 1) * width].firstIndex(of: 1) ?? 0
            grammars[sequence].advance(input - Int(row) * width)
            let legal = grammars[sequence].legal
            let output = outputs[index]
            for symbol in output.indices where !legal.contains(symbol) {
                // Not negated to `<=`: a NaN on either side must count as wrong.
                if !legal.allSatisfy({ output[$0] > output[symbol] }) { isCorrect[sequence] = false }
            }
        }
        sums[0] += Double(isCorrect.count { $0 })
        sums[1] += Double(batch.sequences)
        for sequence in isCorrect.indices { sequenceErrors[sequence] = isCorrect[sequence] ? 0 : 1 }
    }

    private static let symbolNames = Grammar.symbols.map { String($0) }
    package var predictionColumns: [String] { PredictionRows.classColumns(Self.symbolNames) }

    package func writePrediction(
        _ index: Int, _ outputs: ScoredOutputs, of batch: Batch, to rows: inout PredictionRows
    ) {
        rows.add(outputs[index], of: Self.symbolNames, target: batch.targets[Int(outputs.rows[index])])
    }

    package func metrics(loss: Double, sums: [Double]) -> [(name: String, value: Double)] {
        [("accuracy", sums[0] / sums[1])]
    }

    package func isSolved(validationSums sums: [Double]) -> Bool? { sums[1] > 0 && sums[0] == sums[1] }
}
