import ConfigFile
import Optimization

/// An optimiser for one parameter in Double: the algorithm in PyTorch's documentation.
protocol PlainRule {
    init(_ keys: PlainKeys)
    /// The parameter after update `number` (from 1) with gradient `g`.
    mutating func update(_ p: Double, _ g: Double, rate: Double, number: Int) -> Double
}

/// The further keys of an optimiser, with PyTorch's defaults except where this program's differ.
struct PlainKeys: Sendable {
    var weightDecay = 0.0
    var momentum = 0.9
    var dampening = 0.0
    var alpha = 0.99
    var centered = false
    var rateDecay = 0.0
    var initialSum = 0.0
    var betas = (0.9, 0.999)
    var amsgrad = false
    var epsilon = 1e-8
}

/// A set of keys to test: as YAML and for the plain rule.
struct RuleCase: Sendable {
    let yaml: String
    let keys: PlainKeys

    init(_ yaml: String = "", _ change: (inout PlainKeys) -> Void = { _ in }) {
        var keys = PlainKeys()
        change(&keys)
        self.yaml = yaml
        self.keys = keys
    }

    /// The program's optimiser with these keys.
    func rule(_ name: String) throws -> any UpdateRule {
        let text = "training:\n  optimizer: {name: \(name), learning_rate: 0.1\(yaml.isEmpty ? "" : ", ")\(yaml)}\n"
        let table = ConfigTable(keys: UpdateRuleTable.keys)
        return UpdateRuleTable.rule(try Configuration(yaml: text, file: "test.yaml", table: table))
    }
}

/// The reference of each optimiser of `UpdateRuleTable`, by name, with the keys to test. A new optimiser adds its
/// algorithm below and a line here.
let plainRules: [String: (rule: any (PlainRule & Sendable).Type, cases: [RuleCase])] = [
    "sgd": (PlainSGD.self, [RuleCase(), RuleCase("weight_decay: 0.3") { $0.weightDecay = 0.3 }]),
    "momentum": (
        PlainMomentum.self,
        [
            RuleCase(),
            RuleCase("momentum: 0.5, dampening: 0.25, weight_decay: 0.3") {
                $0.momentum = 0.5
                $0.dampening = 0.25
                $0.weightDecay = 0.3
            },
        ]
    ),
    "nesterov": (
        PlainNesterov.self,
        [
            RuleCase(),
            RuleCase("momentum: 0.5, weight_decay: 0.3") {
                $0.momentum = 0.5
                $0.weightDecay = 0.3
            },
        ]
    ),
    "rmsprop": (
        PlainRMSProp.self,
        [
            RuleCase { $0.momentum = 0 },
            RuleCase("alpha: 0.8, eps: 0.01, weight_decay: 0.3") {
                $0.momentum = 0
                $0.alpha = 0.8
                $0.epsilon = 0.01
                $0.weightDecay = 0.3
            },
            RuleCase("centered: true") {
                $0.momentum = 0
                $0.centered = true
            },
            RuleCase("momentum: 0.6") { $0.momentum = 0.6 },
            RuleCase("momentum: 0.6, centered: true, alpha: 0.9") {
                $0.momentum = 0.6
                $0.centered = true
                $0.alpha = 0.9
            },
        ]
    ),
    "adagrad": (
        PlainAdagrad.self,
        [
            RuleCase { $0.epsilon = 1e-10 },
            RuleCase("lr_decay: 0.1, initial_accumulator_value: 0.5, eps: 0.01, weight_decay: 0.3") {
                $0.rateDecay = 0.1
                $0.initialSum = 0.5
                $0.epsilon = 0.01
                $0.weightDecay = 0.3
            },
        ]
    ),
    "adam": (
        PlainAdam.self,
        [
            RuleCase(),
            RuleCase("betas: [0.5, 0.75], eps: 0.01, weight_decay: 0.3") {
                $0.betas = (0.5, 0.75)
                $0.epsilon = 0.01
                $0.weightDecay = 0.3
            },
            RuleCase("amsgrad: true, betas: [0.9, 0.5]") {
                $0.amsgrad = true
                $0.betas = (0.9, 0.5)
            },
        ]
    ),
    "adamw": (
        PlainAdamW.self,
        [
            RuleCase { $0.weightDecay = 0.01 },
            RuleCase("weight_decay: 0.3, betas: [0.5, 0.75], eps: 0.01, amsgrad: true") {
                $0.weightDecay = 0.3
                $0.epsilon = 0.01
                $0.betas = (0.5, 0.75)
                $0.amsgrad = true
            },
        ]
    ),
]

struct PlainSGD: PlainRule {
    let keys: PlainKeys
    init(_ keys: PlainKeys) { self.keys = keys }

    func update(_ p: Double, _ g: Double, rate: Double, number: Int) -> Double { p - rate * (g + keys.weightDecay * p) }
}

struct PlainMomentum: PlainRule {
    let keys: PlainKeys
    var buffer = 0.0
    init(_ keys: PlainKeys) { self.keys = keys }

    mutating func update(_ p: Double, _ g: Double, rate: Double, number: Int) -> Double {
        let g = g + keys.weightDecay * p
        buffer = number == 1 ? g : keys.momentum * buffer + (1 - keys.dampening) * g
        return p - rate * buffer
    }
}

struct PlainNesterov: PlainRule {
    let keys: PlainKeys
    var buffer = 0.0
    init(_ keys: PlainKeys) { self.keys = keys }

    mutating func update(_ p: Double, _ g: Double, rate: Double, number: Int) -> Double {
        let g = g + keys.weightDecay * p
        buffer = number == 1 ? g : keys.momentum * buffer + g
        return p - rate * (g + keys.momentum * buffer)
    }
}

struct PlainRMSProp: PlainRule {
    let keys: PlainKeys
    var (square, mean, buffer) = (0.0, 0.0, 0.0)
    init(_ keys: PlainKeys) { self.keys = keys }

    mutating func update(_ p: Double, _ g: Double, rate: Double, number: Int) -> Double {
        let g = g + keys.weightDecay * p
        square = keys.alpha * square + (1 - keys.alpha) * g * g
        var variance = square
        if keys.centered {
            mean = keys.alpha * mean + (1 - keys.alpha) * g
            variance -= mean * mean
        }
        let quotient = g / (variance.squareRoot() + keys.epsilon)
        guard keys.momentum > 0 else { return p - rate * quotient }
        buffer = keys.momentum * buffer + quotient
        return p - rate * buffer
    }
}

struct PlainAdagrad: PlainRule {
    let keys: PlainKeys
    var sum: Double
    init(_ keys: PlainKeys) {
        self.keys = keys
        sum = keys.initialSum
    }

    mutating func update(_ p: Double, _ g: Double, rate: Double, number: Int) -> Double {
        let g = g + keys.weightDecay * p
        let decayed = rate / (1 + Double(number - 1) * keys.rateDecay)
        sum += g * g
        return p - decayed * g / (sum.squareRoot() + keys.epsilon)
    }
}

struct PlainAdam: PlainRule {
    let keys: PlainKeys
    var (first, second, largest) = (0.0, 0.0, 0.0)
    init(_ keys: PlainKeys) { self.keys = keys }

    mutating func update(_ p: Double, _ g: Double, rate: Double, number: Int) -> Double {
        let g = g + keys.weightDecay * p
        first = keys.betas.0 * first + (1 - keys.betas.0) * g
        second = keys.betas.1 * second + (1 - keys.betas.1) * g * g
        largest = max(largest, second)
        // Powers by repeated multiplication, independent of the tested code's `pow`.
        var (power1, power2) = (1.0, 1.0)
        for _ in 0..<number {
            power1 *= keys.betas.0
            power2 *= keys.betas.1
        }
        let mean = first / (1 - power1)
        let square = (keys.amsgrad ? largest : second) / (1 - power2)
        return p - rate * mean / (square.squareRoot() + keys.epsilon)
    }
}

struct PlainAdamW: PlainRule {
    let decay: Double
    var adam: PlainAdam
    init(_ keys: PlainKeys) {
        var keys = keys
        decay = keys.weightDecay
        keys.weightDecay = 0
        adam = PlainAdam(keys)
    }

    mutating func update(_ p: Double, _ g: Double, rate: Double, number: Int) -> Double {
        adam.update(p - rate * decay * p, g, rate: rate, number: number)
    }
}
