package import FileFormats
package import Kernels
import System

/// Measures the alternatives of the tuning numbers on this machine, product by product, and chooses the best.
package struct TuningBenchmark {
    /// What one number, or two that go together, was chosen from.
    package struct Decision: Sendable {
        package let name: String
        /// The alternatives in words, with their speeds as fractions of the core's peak, as means over the products.
        package let alternatives: [(text: String, ofPeak: Double)]
        /// Among the alternatives: the one in use before, and the choice.
        package let current: Int
        package let chosen: Int
        /// The share of the measurements that were undisturbed.
        package let quietShare: Double

        /// How much faster the choice is than what was in use, as a ratio.
        package var gain: Double { alternatives[chosen].ofPeak / alternatives[current].ofPeak }
    }

    package let decisions: [Decision]
    package let tuning: Tuning

    /// An alternative has to be faster by this ratio to replace what is in use; smaller differences are within the noise
    /// of a shared machine.
    private static let leastGain = 1.02

    private struct Question {
        let name: String
        let products: [Product]
        let paths: [any WritableKeyPath<Tuning, Int> & Sendable]
        /// The values of all paths.
        let values: [[Int]]
    }

    private static var questions: [Question] {
        let hiddenBlock = Tuning.answerBlock
        return [
            Question(
                name: "recurrent_block",
                products: [.recurrent(rows: 20, hidden: 650), .recurrent(rows: 50, hidden: 512)],
                paths: [\.recurrentBlock], values: [[128], [256], [768]]),
            Question(
                name: "backward_block", products: [.backward(rows: 20, hidden: 650), .backward(rows: 50, hidden: 512)],
                paths: [\.backwardBlock], values: [[128], [512], [768]]),
            Question(
                name: "input_gradient_block",
                products: [.gradientOfInput(rows: 350, hidden: 650), .gradientOfInput(rows: 350, hidden: 1000)],
                paths: [\.inputGradientBlock], values: [[128], [256], [640]]),
            Question(
                name: "hidden_gradient_block, hidden_gradient_ahead",
                products: [
                    .gradientOfHidden(blocks: 4, hidden: 200, steps: 384),
                    .gradientOfHidden(blocks: 4, hidden: 650, steps: 384),
                ],
                paths: [\.hiddenGradientBlock, \.hiddenGradientAhead],
                values: [[hiddenBlock / 2, 0], [hiddenBlock / 2, 2 * Tuning.tileRows], [hiddenBlock, 0]]),
            Question(
                name: "leaf_block",
                products: [
                    .gradientOfWeight(window: 35, sequences: 20, hidden: 650),
                    .gradientOfWeight(window: 50, sequences: 50, hidden: 128),
                ], paths: [\.leafBlock], values: [[0], [32], [64]]),
        ]
    }

    /// Measures for about `seconds`. `note` is called with each decision.
    package init(seconds: Double, _ note: (Decision) -> Void) {
        var tuning = Tuning.current
        var decisions: [Decision] = []
        let questions = Self.questions
        for question in questions {
            let now = question.paths.map { tuning[keyPath: $0] }
            let values = question.values + (question.values.contains(now) ? [] : [now])
            let alternatives = values.map { numbers in
                var alternative = tuning
                for (path, number) in zip(question.paths, numbers) { alternative[keyPath: path] = number }
                return alternative
            }
            var ofPeak = [Double](repeating: 0, count: values.count)
            var quiet = 0.0
            let count = Double(question.products.count)
            for product in question.products {
                let turns = Turns(
                    alternatives.map { alternative in
                        Timed(slices: product.slices) { product.run(alternative, $0) }
                    }, seconds: seconds / Double(questions.count) / count)
                for (number, figures) in turns.figures.enumerated() {
                    ofPeak[number] += product.operations / figures.median / turns.peakFlops / count
                    quiet += figures.quietShare / count / Double(values.count)
                }
            }
            let current = values.firstIndex(of: now) ?? 0
            let fastest = ofPeak.indices.max { ofPeak[$0] < ofPeak[$1] } ?? current
            let chosen = ofPeak[fastest] >= Self.leastGain * ofPeak[current] ? fastest : current
            tuning = alternatives[chosen]
            let decision = Decision(
                name: question.name,
                alternatives: zip(values, ofPeak).map { ($0.map(String.init).joined(separator: ", "), $1) },
                current: current, chosen: chosen, quietShare: quiet)
            decisions.append(decision)
            note(decision)
        }
        self.decisions = decisions
        self.tuning = tuning
    }

    /// The mean of the decisions' gains, in percent.
    package var gainPercent: Double {
        100 * (decisions.reduce(0) { $0 + $1.gain } / Double(decisions.count) - 1)
    }

    package var json: JSONValue {
        [
            "cpu": .string(ProcessorCores.modelName), "gain_percent": .number(gainPercent),
            "decisions": .array(
                decisions.map { decision in
                    [
                        "name": .string(decision.name), "chosen": .string(decision.alternatives[decision.chosen].text),
                        "in_use": .string(decision.alternatives[decision.current].text), "gain": .number(decision.gain),
                        "quiet_share": .number(decision.quietShare),
                        "alternatives": .array(
                            decision.alternatives.map {
                                ["value": .string($0.text), "of_peak": .number($0.ofPeak)]
                            }),
                    ]
                }),
        ]
    }
}
