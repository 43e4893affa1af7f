import ConfigFile
import Optimization
import Tensors
import Testing

/// An optimiser with a set of its keys.
private struct Example: Sendable, CustomTestStringConvertible {
    let name: String
    let keys: RuleCase
    var testDescription: String { "\(name) {\(keys.yaml)}" }

    static let all: [Example] = UpdateRuleTable.all.flatMap { rule in
        (plainRules[rule.name]?.cases ?? []).map { Example(name: rule.name, keys: $0) }
    }

    func rule() throws -> any UpdateRule { try keys.rule(name) }
}

/// Initial parameters and the gradients of seven updates.
private struct Problem {
    static let updates = 7
    static let rates = [0.1, 0.1, 0.05, 0.2, 0.1, 0.01, 0.1]
    let start: [Float]
    let gradients: [[Float]]

    init(count: Int, seed: UInt64) {
        var random = CounterRandom(seed: seed, purpose: .benchmark)
        start = (0..<count).map { _ in random.uniform(-1, 1) }
        gradients = (0..<Self.updates).map { _ in (0..<count).map { _ in random.uniform(-2, 2) } }
    }
}

func block(_ numbers: [Float]) -> FloatBlock {
    let block = FloatBlock(count: numbers.count)
    for (index, number) in numbers.enumerated() { block.pointer[index] = number }
    return block
}

@Suite("Optimisers")
struct UpdateRuleTests {
    @Test("every optimiser of the table has a plain reference, and every reference has an optimiser")
    func references() {
        let elementwise = UpdateRuleTable.all.filter { !($0 is any TensorwiseRule.Type) }
        #expect(Set(plainRules.keys) == Set(elementwise.map { $0.name }))
        #expect(plainRules.values.allSatisfy { !$0.cases.isEmpty })
    }

    @Test("every key of an optimiser is in one of its cases")
    func keysAreTried() {
        for rule in UpdateRuleTable.all {
            let cases = rule == LAMB.self ? PlainLAMB.cases : plainRules[rule.name]?.cases ?? []
            let tried = cases.map(\.yaml).joined(separator: ", ")
            for key in UpdateRuleTable.keys {
                let name = key.path.split(separator: ".").last.map(String.init) ?? ""
                guard !["name", "learning_rate"].contains(name) else { continue }
                guard key.when.map({ $0.values.contains(rule.name) }) ?? true else { continue }
                #expect(tried.contains("\(name):"), "\(rule.name) is never tested with \(name)")
            }
        }
    }

    @Test("seven updates are PyTorch's formulas in Double, for any count", arguments: Example.all, [1, 16, 37])
    private func formulas(_ example: Example, count: Int) throws {
        let problem = Problem(count: count, seed: 1)
        let plain = try #require(plainRules[example.name])
        var rules = (0..<count).map { _ in plain.rule.init(example.keys.keys) }
        var expected = problem.start.map { Double($0) }
        let parameters = block(problem.start)
        var optimizer = Optimizer(try example.rule(), count: count)
        for (index, gradients) in problem.gradients.enumerated() {
            let rate = Problem.rates[index]
            for offset in 0..<count {
                expected[offset] = rules[offset].update(
                    expected[offset], Double(gradients[offset]), rate: rate, number: index + 1)
            }
            optimizer.update(parameters, with: block(gradients), in: 0..<count, rate: rate)
            for offset in 0..<count {
                let difference = abs(Double(parameters.pointer[offset]) - expected[offset])
                // Parameters and updates are of the order of 1; a few roundings of 6e-8 each add up over the updates.
                #expect(difference < 5e-6, "update \(index + 1), parameter \(offset) of seed 1")
            }
        }
        #expect(optimizer.updates == Problem.updates)
    }

    @Test("updating ranges one after the other equals updating the whole, bit for bit", arguments: Example.all)
    private func ranges(_ example: Example) throws {
        let count = 101
        let problem = Problem(count: count, seed: 2)
        let (whole, parts) = (block(problem.start), block(problem.start))
        var one = Optimizer(try example.rule(), count: count)
        var two = Optimizer(try example.rule(), count: count)
        for (index, gradients) in problem.gradients.enumerated() {
            let gradients = block(gradients)
            one.update(whole, with: gradients, in: 0..<count, rate: Problem.rates[index])
            two.update(parts, with: gradients, in: 53..<count, rate: Problem.rates[index], last: false)
            two.update(parts, with: gradients, in: 0..<53, rate: Problem.rates[index])
        }
        #expect(whole.buffer.map(\.bitPattern) == parts.buffer.map(\.bitPattern))
        for (a, b) in zip(one.slots, two.slots) {
            #expect(a.name == b.name && a.block.buffer.map(\.bitPattern) == b.block.buffer.map(\.bitPattern))
        }
        #expect(one.updates == two.updates)
    }

    @Test("an update changes nothing outside its range", arguments: Example.all)
    private func outside(_ example: Example) throws {
        let problem = Problem(count: 60, seed: 3)
        let parameters = block(problem.start)
        var optimizer = Optimizer(try example.rule(), count: 60)
        let before = optimizer.slots.map { Array($0.block.buffer) }
        optimizer.update(parameters, with: block(problem.gradients[0]), in: 7..<44, rate: 0.1)
        for offset in Array(0..<7) + Array(44..<60) {
            #expect(parameters.pointer[offset] == problem.start[offset])
            for (slot, old) in zip(optimizer.slots, before) { #expect(slot.block.pointer[offset] == old[offset]) }
        }
        #expect((7..<44).allSatisfy { parameters.pointer[$0] != problem.start[$0] })
    }

    @Test("`scale` equals scaled gradients, bit for bit", arguments: Example.all)
    private func scale(_ example: Example) throws {
        let count = 53
        let factor: Float = 0.3187
        let problem = Problem(count: count, seed: 4)
        let (scaled, plain) = (block(problem.start), block(problem.start))
        var one = Optimizer(try example.rule(), count: count)
        var two = Optimizer(try example.rule(), count: count)
        for (index, gradients) in problem.gradients.enumerated() {
            let rate = Problem.rates[index]
            for range in [32..<count, 0..<32] {
                one.change(scaled, with: block(gradients), in: range, scale: factor, rate: rate)
            }
            one.close(scaled)
            two.update(plain, with: block(gradients.map { $0 * factor }), in: 0..<count, rate: rate)
        }
        #expect(scaled.buffer.map(\.bitPattern) == plain.buffer.map(\.bitPattern))
        #expect(one.updates == two.updates)
    }

    @Test(
        "updating only the rows with gradients equals updating all rows, bit for bit",
        arguments: Example.all)
    private func filledRows(_ example: Example) throws {
        let (rows, width) = (20, 9)
        let count = rows * width + 7
        let problem = Problem(count: count, seed: 5)
        let (sparse, dense) = (block(problem.start), block(problem.start))
        var one = Optimizer(try example.rule(), count: count)
        var two = Optimizer(try example.rule(), count: count)
        for (index, numbers) in problem.gradients.enumerated() {
            let filled = GradientRows(touched: RowSet(rows: rows), width: width, isZero: true)
            let gradients = block(numbers)
            for row in 0..<rows {
                if (row + index) % 4 == 0 {
                    filled.touch(row)
                } else {
                    gradients[row * width..<(row + 1) * width].update(repeating: 0)
                }
            }
            let rate = Problem.rates[index]
            one.change(sparse, with: gradients, filledAt: filled, in: 0..<count, scale: 0.5, rate: rate)
            one.close(sparse)
            two.change(dense, with: gradients, in: 0..<count, scale: 0.5, rate: rate)
            two.close(dense)
        }
        #expect(sparse.buffer.map(\.bitPattern) == dense.buffer.map(\.bitPattern))
        for (a, b) in zip(one.slots, two.slots) {
            #expect(a.block.buffer.map(\.bitPattern) == b.block.buffer.map(\.bitPattern))
        }
    }

    @Test("restsWithoutGradient is true exactly if a zero gradient changes nothing", arguments: Example.all)
    private func rests(_ example: Example) throws {
        let rule = try example.rule()
        let parameters = block([1.5, -2.25])
        var optimizer = Optimizer(rule, count: 2)
        optimizer.update(parameters, with: block([0.5, -0.5]), in: 0..<2, rate: 0.1)
        let before = parameters.buffer.map(\.bitPattern) + optimizer.slots.flatMap { $0.block.buffer.map(\.bitPattern) }
        optimizer.update(parameters, with: block([0, 0]), in: 0..<2, rate: 0.1)
        let after = parameters.buffer.map(\.bitPattern) + optimizer.slots.flatMap { $0.block.buffer.map(\.bitPattern) }
        #expect((before == after) == rule.restsWithoutGradient)
    }

    @Test("a rank that owns no range counts updates and marks the parameters as changed like the others")
    func noRanges() throws {
        let parameters = block([1, 2])
        var optimizer = Optimizer(try Example(name: "sgd", keys: RuleCase()).rule(), count: 2)
        optimizer.close(parameters)
        #expect(Array(parameters.buffer) == [1, 2])
        #expect(optimizer.updates == 1 && parameters.revision == 1)
    }

    @Test("state in given blocks is initialised only by fillInitialState")
    func handedIn() throws {
        let keys = RuleCase("initial_accumulator_value: 0.5")
        let memory = FloatBlock(count: 2)
        let optimizer = Optimizer(try Example(name: "adagrad", keys: keys).rule(), blocks: [memory])
        #expect(Array(memory.buffer) == [0, 0])
        optimizer.fillInitialState()
        #expect(Array(memory.buffer) == [0.5, 0.5])
        #expect(optimizer.slots[0].block === memory)
    }

    @Test("an update marks the parameters as changed")
    func revision() throws {
        let parameters = FloatBlock(count: 1)
        var optimizer = Optimizer(try Example(name: "sgd", keys: RuleCase()).rule(), count: 1)
        optimizer.update(parameters, with: FloatBlock(count: 1), in: 0..<1, rate: 1)
        #expect(parameters.revision == 1)
    }

    @Test("zero parameters with zero gradients stay zero, as the padding between tensors must", arguments: Example.all)
    private func padding(_ example: Example) throws {
        let parameters = FloatBlock(count: 20)
        var optimizer = Optimizer(try example.rule(), count: 20)
        for _ in 0..<3 { optimizer.update(parameters, with: FloatBlock(count: 20), in: 0..<20, rate: 0.1) }
        #expect(parameters.buffer.allSatisfy { $0 == 0 })
    }

    @Test("the state has PyTorch's names and initial values")
    func slots() throws {
        func slots(_ name: String, _ yaml: String = "") throws -> [String] {
            let optimizer = Optimizer(try Example(name: name, keys: RuleCase(yaml)).rule(), count: 2)
            return optimizer.slots.map { "\($0.name) \($0.block.pointer[0]) \($0.block.pointer[1])" }
        }
        #expect(try slots("sgd") == [])
        #expect(try slots("momentum") == ["momentum_buffer 0.0 0.0"])
        #expect(try slots("nesterov") == ["momentum_buffer 0.0 0.0"])
        #expect(try slots("rmsprop") == ["square_avg 0.0 0.0"])
        #expect(
            try slots("rmsprop", "centered: true, momentum: 0.5")
                == ["square_avg 0.0 0.0", "grad_avg 0.0 0.0", "momentum_buffer 0.0 0.0"])
        #expect(try slots("adagrad", "initial_accumulator_value: 0.5") == ["sum 0.5 0.5"])
        #expect(try slots("adam") == ["exp_avg 0.0 0.0", "exp_avg_sq 0.0 0.0"])
        #expect(
            try slots("adamw", "amsgrad: true") == ["exp_avg 0.0 0.0", "exp_avg_sq 0.0 0.0", "max_exp_avg_sq 0.0 0.0"])
    }
}
