/// A cell's formulas for one sequence and one step, as in PyTorch's documentation.
protocol PlainFormulas: Sendable {
    /// The new h and c. A cell without c returns none.
    static func step<Number: Scalar>(_ step: PlainStep<Number>) -> (hidden: [Number], cell: [Number])
}

/// The formulas for both kinds of numbers, specialised for each.
struct PlainCell: Sendable {
    let inDouble: @Sendable (PlainStep<Double>) -> (hidden: [Double], cell: [Double])
    let traced: @Sendable (PlainStep<Traced>) -> (hidden: [Traced], cell: [Traced])

    init<Formulas: PlainFormulas>(_: Formulas.Type) {
        inDouble = { Formulas.step($0) }
        traced = { Formulas.step($0) }
    }
}

/// A cell's input in a step. Vectors have one number per unit.
struct PlainStep<Number: Scalar> {
    /// W_x x + b_x of each gate, in PyTorch's order of gates.
    let fromInput: [[Number]]
    /// W_h h' + b_h of each gate.
    let fromHidden: [[Number]]
    /// h' and c' of the previous step.
    let hidden: [Number]
    let cell: [Number]
    /// The vectors of weights that the cell declares.
    let vectors: [[Number]]

    /// W_x x + b_x + W_h h' + b_h of a gate.
    func sum(_ gate: Int) -> [Number] { zip(fromInput[gate], fromHidden[gate]).map { $0 + $1 } }
}

/// The reference of each cell, by name: a new cell adds its formulas and a line here.
let plainCells: [String: PlainCell] = [
    "lstm": PlainCell(PlainLSTM.self),
    "lstm-peephole": PlainCell(PlainPeephole.self),
    "gru": PlainCell(PlainGRU.self),
    "rnn": PlainCell(PlainRNN.self),
    "test-gain": PlainCell(PlainGain.self),
]

/// i, f, o = σ(…), g = tanh(…), c = f c' + i g, h = o tanh(c).
enum PlainLSTM: PlainFormulas {
    static func step<Number: Scalar>(_ step: PlainStep<Number>) -> (hidden: [Number], cell: [Number]) {
        let i = step.sum(0).map(\.sigmoid)
        let f = step.sum(1).map(\.sigmoid)
        let g = step.sum(2).map(\.hyperbolicTangent)
        let o = step.sum(3).map(\.sigmoid)
        let c = step.cell.indices.map { f[$0] * step.cell[$0] + i[$0] * g[$0] }
        return (c.indices.map { o[$0] * c[$0].hyperbolicTangent }, c)
    }
}

/// As the LSTM, with i, f = σ(… + p c'), o = σ(… + p c).
enum PlainPeephole: PlainFormulas {
    static func step<Number: Scalar>(_ step: PlainStep<Number>) -> (hidden: [Number], cell: [Number]) {
        var (hidden, cell): ([Number], [Number]) = ([], [])
        for (unit, previous) in step.cell.enumerated() {
            func z(_ gate: Int) -> Number { step.sum(gate)[unit] }
            func p(_ vector: Int) -> Number { step.vectors[vector][unit] }
            let i = (z(0) + p(0) * previous).sigmoid
            let f = (z(1) + p(1) * previous).sigmoid
            let c = f * previous + i * z(2).hyperbolicTangent
            cell.append(c)
            hidden.append((z(3) + p(2) * c).sigmoid * c.hyperbolicTangent)
        }
        return (hidden, cell)
    }
}

/// r, z = σ(…), n = tanh(W_x x + b_x + r (W_h h' + b_h)), h = (1 - z) n + z h'.
enum PlainGRU: PlainFormulas {
    static func step<Number: Scalar>(_ step: PlainStep<Number>) -> (hidden: [Number], cell: [Number]) {
        let r = step.sum(0).map(\.sigmoid)
        let z = step.sum(1).map(\.sigmoid)
        let n = r.indices.map { (step.fromInput[2][$0] + r[$0] * step.fromHidden[2][$0]).hyperbolicTangent }
        return (n.indices.map { (Number(1) - z[$0]) * n[$0] + z[$0] * step.hidden[$0] }, [])
    }
}

/// h = tanh(…).
enum PlainRNN: PlainFormulas {
    static func step<Number: Scalar>(_ step: PlainStep<Number>) -> (hidden: [Number], cell: [Number]) {
        (step.sum(0).map(\.hyperbolicTangent), [])
    }
}
