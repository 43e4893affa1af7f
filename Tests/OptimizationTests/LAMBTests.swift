import Optimization
import Tensors
import Testing

/// LAMB of one tensor in Double, as in the paper.
struct PlainLAMB {
    static let cases = [
        RuleCase { keys in
            keys.weightDecay = 0.01
            keys.epsilon = 1e-6
        },
        RuleCase("weight_decay: 0.3, betas: [0.5, 0.75], eps: 0.01") { keys in
            keys.weightDecay = 0.3
            keys.betas = (0.5, 0.75)
            keys.epsilon = 0.01
        },
    ]

    let keys: PlainKeys
    var parameters: [Double]
    private var first: [Double]
    private var second: [Double]
    private var powers = (1.0, 1.0)

    init(_ keys: PlainKeys, _ parameters: [Double]) {
        self.keys = keys
        self.parameters = parameters
        first = parameters.map { _ in 0 }
        second = first
    }

    mutating func update(_ gradients: [Double], rate: Double) {
        powers = (powers.0 * keys.betas.0, powers.1 * keys.betas.1)
        let directions = gradients.indices.map { index in
            let g = gradients[index]
            first[index] = keys.betas.0 * first[index] + (1 - keys.betas.0) * g
            second[index] = keys.betas.1 * second[index] + (1 - keys.betas.1) * g * g
            return first[index] / (1 - powers.0) / ((second[index] / (1 - powers.1)).squareRoot() + keys.epsilon)
                + keys.weightDecay * parameters[index]
        }
        func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let (size, step) = (norm(parameters), norm(directions))
        let factor = size > 0 && step > 0 ? size / step : 1
        for index in parameters.indices { parameters[index] -= rate * factor * directions[index] }
    }
}

@Suite("LAMB")
struct LAMBTests {
    /// Updates a tensor in parts, as the owners of its chunks do.
    private func update(
        _ optimizer: inout Optimizer, _ rule: any TensorwiseRule, _ parameters: FloatBlock, _ gradients: FloatBlock,
        parts: [Range<Int>], rate: Double
    ) {
        let squares = parts.map {
            optimizer.measure(rule, parameters, with: gradients, in: $0, scale: 0.5, rate: rate)
        }
        let factor = rule.factor(
            TensorSquares(
                parameters: squares.reduce(0) { $0 + $1.parameters },
                directions: squares.reduce(0) { $0 + $1.directions }))
        for part in parts { optimizer.change(parameters, with: gradients, in: part, scale: 0.5, rate: rate * factor) }
        optimizer.close(parameters)
    }

    @Test("seven updates are the paper's algorithm in Double", arguments: PlainLAMB.cases, [1, 16, 37])
    func formulas(keys: RuleCase, count: Int) throws {
        let rule = try #require(try keys.rule("lamb") as? any TensorwiseRule)
        var random = CounterRandom(seed: 1, purpose: .benchmark)
        let parameters = block((0..<count).map { _ in random.uniform(-1, 1) })
        var plain = PlainLAMB(keys.keys, parameters.buffer.map { Double($0) })
        var optimizer = Optimizer(rule, count: count)
        for rate in [0.1, 0.1, 0.05, 0.2, 0.1, 0.01, 0.1] {
            let gradients = (0..<count).map { _ in random.uniform(-2, 2) }
            plain.update(gradients.map { 0.5 * Double($0) }, rate: rate)
            update(
                &optimizer, rule, parameters, block(gradients), parts: [0..<count / 2, count / 2..<count], rate: rate)
            for index in 0..<count {
                #expect(abs(Double(parameters.pointer[index]) - plain.parameters[index]) < 5e-6, "parameter \(index)")
            }
        }
    }

    @Test("a tensor of zeros leaves them at the plain rate, and zero gradients leave it there")
    func zeros() throws {
        let rule = try #require(try RuleCase().rule("lamb") as? any TensorwiseRule)
        let parameters = FloatBlock(count: 20)
        var optimizer = Optimizer(rule, count: 20)
        update(&optimizer, rule, parameters, FloatBlock(count: 20), parts: [0..<20], rate: 0.1)
        #expect(parameters.buffer.allSatisfy { $0 == 0 })
        optimizer = Optimizer(rule, count: 20)
        update(
            &optimizer, rule, parameters, block([Float](repeating: 3, count: 20)), parts: [0..<20], rate: 0.1)
        #expect(parameters.buffer.allSatisfy { abs($0 + 0.1) < 1e-5 })
    }
}
