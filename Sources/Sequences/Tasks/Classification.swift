package import ConfigFile
package import FileFormats
package import Tensors

/// One label for each sequence of a file.
package struct Classification: LabelTask {
    package static let name = "classification"
    package static let scoresSequences = true
    package let inputs: SequenceInputs
    package let labels: LabelSet

    package let shape: TaskShape

    package init(_ inputs: SequenceInputs, _ labels: LabelSet, _ configuration: Configuration) {
        self.inputs = inputs
        self.labels = labels
        shape = TaskShape(input: inputs.shape, output: .classes(labels.names.count), scores: .sequences)
    }

    /// Sums: the confusion matrix, `[class, predicted class]`.
    package var sumCount: Int { labels.names.count * labels.names.count }

    package func judge(_ batch: Batch, _ outputs: ScoredOutputs, sums: inout [Double], sequenceErrors: inout [Float]) {
        for (index, row) in outputs.rows.enumerated() {
            let (label, predicted) = (Int(batch.targets[Int(row)]), outputs[index].likeliest)
            sums[label * labels.names.count + predicted] += 1
            sequenceErrors[Int(row)] = label == predicted ? 0 : 1
        }
    }

    package func metrics(loss: Double, sums: [Double]) -> [(name: String, value: Double)] {
        let matrix = ConfusionMatrix(sums, classes: labels.names.count)
        return [(Metric.accuracy.rawValue, matrix.accuracy), (Metric.macroF1.rawValue, matrix.macroF1)]
    }

    /// The labels, and the confusion matrix: a row for each label, with the numbers of its sequences by predicted label.
    package func details(of sums: [Double]) -> [(key: String, value: JSONValue)] {
        let count = labels.names.count
        let rows = (0..<count).map { row in
            JSONValue.array(sums[row * count..<(row + 1) * count].map { .integer(Int($0)) })
        }
        return [("labels", .array(labels.names.map { .string($0) })), ("confusion", .array(rows))]
    }

    package var ranksSequences: Bool { labels.names.count == 2 }
    package var bestMetrics: [Metric] {
        [.accuracy, .macroF1] + (ranksSequences ? [.auroc, .auprc] : []) + [.loss]
    }

    package var predictionColumns: [String] { ["label"] + labels.names.map { "p_\($0)" } }

    package func writePrediction(
        _ index: Int, _ outputs: ScoredOutputs, of batch: Batch, to rows: inout PredictionRows
    ) {
        rows.add(labels.names[outputs[index].likeliest])
        for probability in outputs[index] { rows.add(probability) }
    }
}
