import Foundation
import Kernels
import TestSupport
import Testing

/// The softmax of columns of logits, computed as a panel with one bias per class, in blocks of classes.
private struct PanelRun {
    var probabilities: [[Float]] = []
    var gradients: [[Float]] = []
    var losses: [Double] = []
    var unusedColumns: [Float] = []

    init(_ columns: [[Float]], bias: [Float], targets: [Int32], blockLength: Int = 7) {
        let classes = columns[0].count
        let width = wholeVectors(columns.count)
        // The padding columns' values must not matter.
        var panel = [Float](repeating: 7, count: classes * width)
        for (column, logits) in columns.enumerated() {
            for (row, logit) in logits.enumerated() { panel[row * width + column] = logit }
        }
        let blocks = stride(from: 0, to: classes, by: blockLength).map { $0..<min($0 + blockLength, classes) }
        var memory = [Float](
            repeating: .nan, count: ColumnSoftmax.memoryCount(columns: columns.count, blocks: blocks.count))
        var factors = [Float](repeating: .nan, count: width)
        var bias = bias
        var found: [Double] = []
        func scaled(_ panel: UnsafePointer<Float>) -> [[Float]] {
            (0..<width).map { column in (0..<classes).map { panel[$0 * width + column] * factors[column] } }
        }
        withMemory(of: &panel) { panel in
            withMemory(of: &memory) { memory in
                withMemory(of: &bias) { bias in
                    let softmax = ColumnSoftmax(
                        panel, columns: columns.count, bias: bias, memory: memory, blocks: blocks.count)
                    for (index, rows) in blocks.enumerated() {
                        softmax.exponentiate(rows, block: index, targets: targets)
                    }
                    found = columns.indices.map { softmax.loss($0) }
                    withMemory(of: &factors) { softmax.putFactors(to: $0) }
                    for (index, rows) in blocks.enumerated().reversed() { softmax.level(rows, block: index) }
                    probabilities = scaled(panel)
                    for rows in blocks { softmax.subtractTargets(rows, targets) }
                    gradients = scaled(panel)
                }
            }
        }
        losses = found
        unusedColumns = gradients[columns.count...].flatMap { $0 }
    }
}

@Suite("Softmax of columns")
struct SoftmaxTests {
    /// Probabilities and the logarithm of the sum, in Double.
    private func plain(_ logits: [Double]) -> (probabilities: [Double], logSum: Double) {
        let top = logits.max() ?? 0
        let sum = logits.reduce(0) { $0 + exp($1 - top) }
        return (logits.map { exp($0 - top) / sum }, top + log(sum))
    }

    @Test(
        "probabilities and cross-entropies are near those of a plain loop in Double",
        arguments: [1, 2, 3, 17, 63, 64, 65, 1000, 10_007],
        [1, 5, Vector.lanes, 2 * Vector.lanes + 1, 4 * Vector.lanes])
    func columns(classes: Int, count: Int) {
        var random = SeededRandom(UInt64(classes * 100 + count))
        for spread: Float in [0.01, 1, 20] {
            let logits = (0..<count).map { _ in random.floats(classes, in: -spread...spread) }
            let bias = random.floats(classes)
            let targets = (0..<count).map { _ in Int32.random(in: 0..<Int32(classes), using: &random) }
            let run = PanelRun(logits, bias: bias, targets: targets, blockLength: classes > 100 ? 300 : 7)
            for column in 0..<count {
                let sums = zip(logits[column], bias).map { Double($0 + $1) }
                let expected = plain(sums)
                let loss = expected.logSum - sums[Int(targets[column])]
                // e^x is accurate to 2 ulp (2.4e-7), a Float sum of 10,000 terms in one lane to about 1e-5.
                #expect(abs(run.losses[column] - loss) < 2e-5 * (1 + abs(expected.logSum)), "spread \(spread)")
                for (p, e) in zip(run.probabilities[column], expected.probabilities) {
                    #expect(abs(Double(p) - e) < 4e-5 * e + 1e-37, "spread \(spread)")
                }
                for (row, (d, p)) in zip(run.gradients[column], run.probabilities[column]).enumerated() {
                    #expect(abs(d - (row == targets[column] ? p - 1 : p)) <= 2e-7, "spread \(spread)")
                }
            }
            #expect(run.unusedColumns.allSatisfy { $0 == 0 }, "the padding columns must have zero gradients")
        }
    }

    @Test("large logits neither overflow nor underflow")
    func large() {
        let run = PanelRun([[1e6, 1e6 - 1, -1e6, 0, -3e38]], bias: [0, 0, 0, 0, 0], targets: [1])
        #expect(abs(run.losses[0] - 1.313_26) < 0.07)
        #expect(abs(run.probabilities[0][0] - 0.731_058_6) < 1e-6 && abs(run.probabilities[0][1] - 0.268_941_4) < 1e-6)
        #expect(run.probabilities[0][2...].allSatisfy { $0 >= 0 && $0 < 1e-37 })
    }

    @Test("logits that rise between blocks, by more than the range of e^x, give the result of one block")
    func rising() {
        let bias = [Float](repeating: 0.5, count: 30)
        // Increments that keep the top for several blocks, and increments that move it with each block.
        for order in [1, 4, 12].flatMap({ step in
            let logits = (0..<30).map { Float($0 * step) - 100 }
            return [logits, logits.reversed()]
        }) {
            for target: Int32 in [0, 15, 29] {
                let expected = plain(order.map { Double($0) + 0.5 })
                let run = PanelRun([order], bias: bias, targets: [target], blockLength: 4)
                let loss = expected.logSum - Double(order[Int(target)]) - 0.5
                #expect(abs(run.losses[0] - loss) < 1e-4 * (1 + loss))
                for (p, e) in zip(run.probabilities[0], expected.probabilities) {
                    // With a top up to 20 below the largest logit, values below e^-67 underflow.
                    #expect(abs(Double(p) - e) < 1e-5 * e + exp(-67))
                }
            }
        }
    }

    @Test("equal logits give equal probabilities, and one class gives probability 1 and loss 0")
    func equal() {
        for classes in [1, 3, 4, 64] {
            let run = PanelRun(
                [[Float](repeating: -7, count: classes)], bias: [Float](repeating: 2, count: classes), targets: [0])
            #expect(run.probabilities[0].allSatisfy { abs($0 * Float(classes) - 1) < 1e-6 })
            #expect(abs(run.losses[0] - log(Double(classes))) < 2e-6)
        }
    }

    @Test("a NaN or an infinite logit makes that column's loss NaN, and no other's", arguments: [Float.nan, .infinity])
    func notFinite(number: Float) {
        for row in 0..<5 {
            var columns = [[Float]](repeating: [1, 2, 3, 4, 5], count: 20)
            columns[18][row] = number
            let run = PanelRun(columns, bias: [0, 0, 0, 0, 0], targets: [Int32](repeating: 2, count: 20))
            for column in 0..<20 { #expect(run.losses[column].isNaN == (column == 18), "row \(row)") }
        }
    }
}
