package import ConfigFile
package import Tensors

/// One label for each token or time step of a file's sequences.
package struct Labelling: LabelTask {
    package static let name = "labelling"
    package let inputs: SequenceInputs
    package let labels: LabelSet
    package let shape: TaskShape
    /// nil: labels are not those of spans.
    private let spans: SpanLabels?

    /// What scores the labels of a sequence (`model.head`).
    private enum Head: String, CaseIterable {
        /// Each label by itself.
        case softmax
        /// All of them, with their transitions.
        case crf

        /// The name of its loss.
        var loss: String {
            switch self {
            case .softmax: "softmax cross-entropy"
            case .crf: "conditional random field"
            }
        }
    }

    package static let keys = [
        ConfigKey(
            "model.head", .choice(Head.allCases.map(\.rawValue)), default: .text(Head.softmax.rawValue),
            when: Condition(path: "task", isOneOf: [name]),
            "What scores the labels of a sequence: a softmax for each, or a conditional random field over all.")
    ]

    package init(_ inputs: SequenceInputs, _ labels: LabelSet, _ configuration: Configuration) {
        self.inputs = inputs
        self.labels = labels
        let head = Head(rawValue: configuration.text("model.head")) ?? .softmax
        shape = TaskShape(
            input: inputs.shape, output: .classes(labels.names.count), loss: head.loss,
            transitions: head == .crf ? labels.transitions : nil)
        spans = SpanLabels(labels.names)
    }

    /// Sums: correct and all labels; then correct, predicted and true spans.
    package var sumCount: Int { spans == nil ? 2 : 5 }

    package func judge(_ batch: Batch, _ outputs: ScoredOutputs, sums: inout [Double], sequenceErrors: inout [Float]) {
        var (targets, predicted) = ([Int](), [Int]())
        for (index, row) in outputs.rows.enumerated() {
            let sequence = Int(row) % batch.sequences
            targets.append(Int(batch.targets[Int(row)]))
            predicted.append(outputs[index].likeliest)
            let isLast =
                index + 1 == outputs.rows.count || Int(outputs.rows[index + 1]) % batch.sequences != sequence
            guard isLast else { continue }
            let correct = zip(targets, predicted).count { $0 == $1 }
            sums[0] += Double(correct)
            sums[1] += Double(targets.count)
            sequenceErrors[sequence] = Float(targets.count - correct) / Float(targets.count)
            if let counts = spans?.counts(true: targets, predicted: predicted) {
                sums[2] += Double(counts.correct)
                sums[3] += Double(counts.predicted)
                sums[4] += Double(counts.true)
            }
            targets.removeAll(keepingCapacity: true)
            predicted.removeAll(keepingCapacity: true)
        }
    }

    /// Of spans: F1 = 2 correct / (predicted + true), 0 without any.
    package func metrics(loss: Double, sums: [Double]) -> [(name: String, value: Double)] {
        let accuracy = (Metric.accuracy.rawValue, sums[0] / max(sums[1], 1))
        guard spans != nil else { return [accuracy] }
        return [(Metric.spanF1.rawValue, 2 * sums[2] / max(sums[3] + sums[4], 1)), accuracy]
    }

    package var bestMetrics: [Metric] { (spans == nil ? [] : [.spanF1]) + [.accuracy, .loss] }

    package let predictionColumns = ["label"]

    package func writePrediction(
        _ index: Int, _ outputs: ScoredOutputs, of batch: Batch, to rows: inout PredictionRows
    ) {
        rows.add(labels.names[outputs[index].likeliest])
    }
}
