package import ConfigFile
package import Tensors

/// Temporal order, two symbols: classify the order of two symbols X or Y among a hundred distractors. Four classes.
///
/// Source: Hochreiter & Schmidhuber (1997), section 5.6, experiment 6a. 100 to 110 symbols, one-hot; E first, B last, X
/// or Y at one time step in 10...20 and at one in 50...60, the others from a, b, c, d. Only the last time step is
/// scored.
package struct TemporalOrder: GeneratedTask {
    package static let name = "temporal-order"
    package static let mayReadAhead = true
    package static let validationSequences = 1000
    /// Inputs a, b, c, d, X, Y, E, B; classes XX, XY, YX, YY.
    package let shape = TaskShape(input: .features(8), output: .classes(4))
    private static let (x, start, end) = (4, 6, 7)
    private static let classes = ["XX", "XY", "YX", "YY"]

    package let longestSequence = 110

    package init(_ configuration: Configuration) {}
    package init() {}

    package func draw(_ random: inout CounterRandom) -> DrawnSequence {
        let count = 100 + random.below(11)
        let first = 10 + random.below(11)
        let second = 50 + random.below(11)
        let symbols = [random.below(2), random.below(2)]
        var features = [Float](repeating: 0, count: 8 * count)
        for t in 0..<count {
            let symbol =
                switch t {
                case 0: Self.start
                case count - 1: Self.end
                case first: Self.x + symbols[0]
                case second: Self.x + symbols[1]
                default: random.below(4)
                }
            features[8 * t + symbol] = 1
        }
        var targets = [Int32](repeating: Batch.unscored, count: count)
        targets[count - 1] = Int32(2 * symbols[0] + symbols[1])
        return DrawnSequence(features: features, targets: targets)
    }

    /// Sums: sequences whose class is the most likely one, and all sequences. A sequence's error is the largest
    /// difference of a class's probability from its target, 0 or 1.
    package let sumCount = 2

    package func judge(_ batch: Batch, _ outputs: ScoredOutputs, sums: inout [Double], sequenceErrors: inout [Float]) {
        for (index, row) in outputs.rows.enumerated() {
            let probabilities = outputs[index]
            let target = Int(batch.targets[Int(row)])
            var error: Float = 0
            for (label, p) in probabilities.enumerated() {
                let difference = abs(p - (label == target ? 1 : 0))
                if !error.isNaN && !(difference <= error) { error = difference }
            }
            sequenceErrors[Int(row) % batch.sequences] = error
            let isCorrect = probabilities.indices.allSatisfy {
                $0 == target || probabilities[$0] < probabilities[target]
            }
            sums[0] += isCorrect ? 1 : 0
            sums[1] += 1
        }
    }

    package var predictionColumns: [String] { PredictionRows.classColumns(Self.classes) }

    package func writePrediction(
        _ index: Int, _ outputs: ScoredOutputs, of batch: Batch, to rows: inout PredictionRows
    ) {
        rows.add(outputs[index], of: Self.classes, target: batch.targets[Int(outputs.rows[index])])
    }

    package func metrics(loss: Double, sums: [Double]) -> [(name: String, value: Double)] {
        [("accuracy", sums[0] / sums[1])]
    }

    package var criterion: TrainingCriterion? { TrainingCriterion(count: 2000, each: 0.3, mean: 0.1) }
    package let isSolvedByCriterion = true
}
