/// How often each class was predicted for sequences of each class.
struct ConfusionMatrix {
    /// `[class, predicted class]`.
    private let counts: [Double]
    private let classes: Int

    init(_ counts: [Double], classes: Int) {
        self.counts = counts
        self.classes = classes
    }

    /// The share of correct predictions; 0 without any.
    var accuracy: Double {
        let correct = (0..<classes).reduce(0) { $0 + counts[$1 * classes + $1] }
        return correct / max(counts.reduce(0, +), 1)
    }

    /// The mean over classes of F1 = 2 TP / (2 TP + FP + FN). A class that neither occurs nor is predicted does not count.
    var macroF1: Double {
        var scores: [Double] = []
        for label in 0..<classes {
            let correct = counts[label * classes + label]
            let occurring = (0..<classes).reduce(0) { $0 + counts[label * classes + $1] }
            let predicted = (0..<classes).reduce(0) { $0 + counts[$1 * classes + label] }
            if occurring + predicted > 0 { scores.append(2 * correct / (occurring + predicted)) }
        }
        return scores.reduce(0, +) / Double(max(scores.count, 1))
    }
}
