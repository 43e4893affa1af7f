import Foundation

/// A number of the plain formulas: a Double, or a `Traced` number that records how it was computed.
protocol Scalar {
    init(_ constant: Double)
    var value: Double { get }
    static func + (a: Self, b: Self) -> Self
    static func - (a: Self, b: Self) -> Self
    static func * (a: Self, b: Self) -> Self
    var exponential: Self { get }
    var logarithm: Self { get }
    var hyperbolicTangent: Self { get }
    var sigmoid: Self { get }
    /// 1 / √x.
    var reciprocalSquareRoot: Self { get }
}

extension Double: Scalar {
    var value: Double { self }
    var exponential: Double { Foundation.exp(self) }
    var logarithm: Double { Foundation.log(self) }
    var hyperbolicTangent: Double { Foundation.tanh(self) }
    var sigmoid: Double { 1 / (1 + Foundation.exp(-self)) }
    var reciprocalSquareRoot: Double { 1 / self.squareRoot() }
}

/// The computed results, in order: the operands of each, and its derivatives with respect to them.
final class Tape {
    fileprivate struct Entry {
        var (first, second) = (-1, -1)
        var (byFirst, bySecond) = (0.0, 0.0)
    }

    fileprivate var entries: [Entry] = []

    /// A variable with respect to which to differentiate.
    func variable(_ value: Double) -> Traced {
        entries.append(Entry())
        return Traced(value: value, tape: self, place: entries.count - 1)
    }

    /// The derivatives of `result` with respect to every entry of the tape: reverse-mode differentiation.
    func derivatives(of result: Traced) -> [Double] {
        var derivatives = [Double](repeating: 0, count: entries.count)
        guard result.place >= 0 else { return derivatives }
        derivatives[result.place] = 1
        for (place, entry) in entries.enumerated().reversed() {
            let derivative = derivatives[place]
            if entry.first >= 0 { derivatives[entry.first] += derivative * entry.byFirst }
            if entry.second >= 0 { derivatives[entry.second] += derivative * entry.bySecond }
        }
        return derivatives
    }
}

/// A number on a tape, or a constant without one.
struct Traced: Scalar {
    let value: Double
    fileprivate let tape: Tape?
    /// Its entry on the tape; -1 for a constant.
    let place: Int

    fileprivate init(value: Double, tape: Tape?, place: Int) {
        self.value = value
        self.tape = tape
        self.place = place
    }

    init(_ constant: Double) { self.init(value: constant, tape: nil, place: -1) }

    private init(_ value: Double, from a: Traced, _ byA: Double, _ b: Traced? = nil, _ byB: Double = 0) {
        guard let tape = a.tape ?? b?.tape else {
            self.init(value)
            return
        }
        tape.entries.append(
            Tape.Entry(first: a.place, second: b?.place ?? -1, byFirst: byA, bySecond: byB))
        self.init(value: value, tape: tape, place: tape.entries.count - 1)
    }

    static func + (a: Traced, b: Traced) -> Traced { Traced(a.value + b.value, from: a, 1, b, 1) }
    static func - (a: Traced, b: Traced) -> Traced { Traced(a.value - b.value, from: a, 1, b, -1) }
    static func * (a: Traced, b: Traced) -> Traced { Traced(a.value * b.value, from: a, b.value, b, a.value) }

    var exponential: Traced {
        let y = value.exponential
        return Traced(y, from: self, y)
    }
    var logarithm: Traced { Traced(value.logarithm, from: self, 1 / value) }
    var hyperbolicTangent: Traced {
        let y = value.hyperbolicTangent
        return Traced(y, from: self, 1 - y * y)
    }
    var sigmoid: Traced {
        let y = value.sigmoid
        return Traced(y, from: self, y * (1 - y))
    }
    var reciprocalSquareRoot: Traced {
        let y = value.reciprocalSquareRoot
        return Traced(y, from: self, -y * y * y / 2)
    }
}
