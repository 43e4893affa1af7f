package import ConfigFile
package import Tensors

/// The adding problem: predict the sum of the two marked values at the end of a long sequence of pairs (value, marker).
///
/// Source: Hochreiter & Schmidhuber (1997), section 5.4. T to T + T/10 pairs; values uniform in [-1, 1]; the marker is
/// 1 at two pairs, -1 at the first and the last, 0 elsewhere; the first mark is among the first ten pairs, the second
/// among the unmarked of the first T/2 - 1. Target: 0.5 + (X1 + X2) / 4. A marked first pair has value 0.
package struct Adding: GeneratedTask {
    package static let name = "adding"
    package static let keys = [
        ConfigKey(
            "data.length", .integer(24...1_000_000), default: .integer(100),
            when: Condition(path: "task", isOneOf: [name]),
            "T of the adding problem: sequences have T to T + T/10 pairs.")
    ]
    package static let mayReadAhead = true
    package static let validationSequences = 2560
    package let shape = TaskShape(input: .features(2), output: .values(1))
    /// T.
    private let length: Int
    /// A sequence is correct if its error is at most this.
    private static let tolerance: Float = 0.04

    package var longestSequence: Int { length + length / 10 }

    package init(_ configuration: Configuration) { length = configuration.integer("data.length") }
    package init(length: Int) { self.length = length }

    package func draw(_ random: inout CounterRandom) -> DrawnSequence {
        let count = length + random.below(length / 10 + 1)
        var values = (0..<count).map { _ in random.uniform(-1, 1) }
        var markers = [Float](repeating: 0, count: count)
        markers[0] = -1
        markers[count - 1] = -1
        let first = random.below(10)
        var second = random.below(length / 2 - 2)
        if second >= first { second += 1 }
        if first == 0 || second == 0 { values[0] = 0 }
        markers[first] = 1
        markers[second] = 1
        var features = [Float](repeating: 0, count: 2 * count)
        for t in 0..<count {
            features[2 * t] = values[t]
            features[2 * t + 1] = markers[t]
        }
        var targets = [Int32](repeating: Batch.unscored, count: count)
        targets[count - 1] = 0
        var targetValues = [Float](repeating: 0, count: count)
        targetValues[count - 1] = 0.5 + (values[first] + values[second]) / 4
        return DrawnSequence(features: features, targets: targets, values: targetValues)
    }

    /// Sums: sequences whose error exceeds the tolerance, and all sequences.
    package let sumCount = 2

    package func judge(_ batch: Batch, _ outputs: ScoredOutputs, sums: inout [Double], sequenceErrors: inout [Float]) {
        for (index, row) in outputs.rows.enumerated() {
            let error = abs(outputs[index][0] - batch.targetValues[Int(row)])
            sequenceErrors[Int(row) % batch.sequences] = error
            if !(error <= Self.tolerance) { sums[0] += 1 }
            sums[1] += 1
        }
    }

    package let predictionColumns = ["output", "target"]

    package func writePrediction(
        _ index: Int, _ outputs: ScoredOutputs, of batch: Batch, to rows: inout PredictionRows
    ) {
        rows.add(outputs[index][0])
        rows.add(batch.targetValues[Int(outputs.rows[index])])
    }

    package func metrics(loss: Double, sums: [Double]) -> [(name: String, value: Double)] {
        [("rmse", loss.squareRoot()), ("accuracy", 1 - sums[0] / sums[1]), ("wrong", sums[0])]
    }

    package func isSolved(validationSums sums: [Double]) -> Bool? { sums[1] > 0 && sums[0] <= 1 }

    package var criterion: TrainingCriterion? { TrainingCriterion(count: 2000, each: Self.tolerance, mean: 0.01) }
}
