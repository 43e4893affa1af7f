import Sequences
import Testing

@Suite("Metrics of an order")
struct RankMetricsTests {
    private func metrics(_ positives: [Double], _ negatives: [Double]) -> RankMetrics {
        RankMetrics(positives.map { ($0, true) } + negatives.map { ($0, false) })
    }

    @Test("AUROC is the share of pairs in order, ties counted half; AUPRC is the average precision")
    func values() {
        // The example of scikit-learn's documentation.
        let example = metrics([0.35, 0.8], [0.1, 0.4])
        #expect(example.auroc == 0.75 && abs(example.auprc - 5.0 / 6) < 1e-12)
        #expect(metrics([0.9, 0.8], [0.1]).auroc == 1 && metrics([0.9, 0.8], [0.1]).auprc == 1)
        #expect(metrics([0.1], [0.9, 0.8]).auroc == 0 && abs(metrics([0.1], [0.9, 0.8]).auprc - 1.0 / 3) < 1e-12)
        // All equal: no order.
        let equal = metrics([0.5, 0.5], [0.5, 0.5, 0.5])
        #expect(equal.auroc == 0.5 && abs(equal.auprc - 0.4) < 1e-12)
        let tie = metrics([0.7, 0.5], [0.5, 0.2])
        #expect(tie.auroc == 0.875 && abs(tie.auprc - (0.5 + 0.5 * 2 / 3)) < 1e-12)
    }

    @Test("without both classes, or with a NaN, they are not defined")
    func undefined() {
        #expect(metrics([0.5], []).auroc.isNaN && metrics([], [0.5]).auroc.isNaN && metrics([], [0.5]).auprc.isNaN)
        #expect(metrics([0.5, .nan], [0.2]).auroc.isNaN && metrics([0.5], [.nan]).auprc.isNaN)
    }

    @Test("the share of pairs in order, counted pair by pair")
    func pairs() {
        let positives = (0..<40).map { Double($0 * 37 % 23) / 10 }
        let negatives = (0..<60).map { Double($0 * 29 % 31) / 20 }
        var share = 0.0
        for a in positives { for b in negatives { share += a > b ? 1 : a == b ? 0.5 : 0 } }
        #expect(abs(metrics(positives, negatives).auroc - share / 2400) < 1e-12)
    }
}
