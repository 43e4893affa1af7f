import Testing
import Training

@Suite("The best validation")
struct BestValidationTests {
    private func best(_ validations: [(loss: Double, metric: Double?)]) -> [Bool] {
        var progress = RunProgress()
        return validations.enumerated().map { step, validation in
            progress.note(validationLoss: validation.loss, metric: validation.metric, step: step)
        }
    }

    @Test("without a metric the lowest loss is the best")
    func loss() {
        #expect(best([(2, nil), (1, nil), (1, nil), (.nan, nil), (0.5, nil)]) == [true, true, false, false, true])
    }

    @Test("the highest metric is the best, of equal ones the lowest loss")
    func metric() {
        #expect(
            best([(1, 0.5), (2, 0.7), (1.5, 0.7), (1.6, 0.7), (0.1, 0.6), (9, 0.8)])
                == [true, true, true, false, false, true])
    }

    @Test("a metric that is not defined is below all others")
    func undefined() {
        #expect(best([(2, .nan), (1, .nan), (3, .nan), (9, 0.1), (0.5, .nan)]) == [true, true, false, true, false])
    }

    @Test("step, loss and metric of the best are kept, and validations since it counted")
    func kept() {
        var progress = RunProgress()
        for (step, metric) in [0.2, 0.6, 0.5, 0.4].enumerated() {
            _ = progress.note(validationLoss: Double(step), metric: metric, step: 10 * step)
        }
        #expect(progress.bestStep == 10 && progress.bestLoss == 1 && progress.bestMetric == 0.6)
        #expect(progress.validationsSinceBest == 2)
    }
}
