/// How well scores separate the sequences of one class from those of another: metrics of their order alone.
package struct RankMetrics {
    /// The area under the receiver operating characteristic: the probability that a positive sequence has a higher score
    /// than a negative one, ties counted half (Hanley & McNeil, 1982). NaN without both.
    package let auroc: Double
    /// The average precision: Σ (R_n - R_n-1) P_n over the different scores in descending order, with precision P and
    /// recall R of the sequences that have at least that score. NaN without a positive one.
    package let auprc: Double

    /// - Parameter sequences: the score of each sequence, and whether it is positive.
    package init(_ sequences: [(score: Double, isPositive: Bool)]) {
        let positives = Double(sequences.count(where: \.isPositive))
        let negatives = Double(sequences.count) - positives
        let sorted = sequences.sorted { $0.score > $1.score }
        var (truePositives, falsePositives, area, precision) = (0.0, 0.0, 0.0, 0.0)
        var index = 0
        while index < sorted.count {
            var (equalPositives, equalNegatives) = (0.0, 0.0)
            let score = sorted[index].score
            while index < sorted.count, sorted[index].score == score {
                if sorted[index].isPositive { equalPositives += 1 } else { equalNegatives += 1 }
                index += 1
            }
            // A NaN equals nothing.
            guard equalPositives + equalNegatives > 0 else { break }
            area += equalNegatives * (truePositives + equalPositives / 2)
            truePositives += equalPositives
            falsePositives += equalNegatives
            precision += equalPositives / positives * truePositives / (truePositives + falsePositives)
        }
        let isWhole = index == sorted.count
        auroc = isWhole ? area / (positives * negatives) : .nan
        auprc = isWhole && positives > 0 ? precision : .nan
    }
}
