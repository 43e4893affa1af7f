/// A range of finite numbers whose bounds are open, closed or absent.
package struct NumberRange: Sendable, Equatable {
    /// One end of the range.
    package enum Bound: Sendable, Equatable {
        case none
        case open(Double)
        case closed(Double)
    }

    package let lower: Bound
    package let upper: Bound

    /// The numbers between two bounds.
    package init(lower: Bound, upper: Bound) {
        self.lower = lower
        self.upper = upper
    }

    /// Every finite number.
    package static let any = NumberRange(lower: .none, upper: .none)

    /// `x > lower`
    package static func above(_ lower: Double) -> NumberRange {
        NumberRange(lower: .open(lower), upper: .none)
    }

    /// `lower <= x <= upper`
    package static func from(_ lower: Double, to upper: Double) -> NumberRange {
        NumberRange(lower: .closed(lower), upper: .closed(upper))
    }

    /// `lower <= x < upper`
    package static func from(_ lower: Double, below upper: Double) -> NumberRange {
        NumberRange(lower: .closed(lower), upper: .open(upper))
    }

    /// `lower < x <= upper`
    package static func above(_ lower: Double, to upper: Double) -> NumberRange {
        NumberRange(lower: .open(lower), upper: .closed(upper))
    }

    /// `lower < x < upper`
    package static func above(_ lower: Double, below upper: Double) -> NumberRange {
        NumberRange(lower: .open(lower), upper: .open(upper))
    }

    /// Whether a number is finite and between the bounds.
    package func contains(_ number: Double) -> Bool {
        guard number.isFinite else { return false }
        let isHighEnough =
            switch lower {
            case .none: true
            case .open(let bound): number > bound
            case .closed(let bound): number >= bound
            }
        let isLowEnough =
            switch upper {
            case .none: true
            case .open(let bound): number < bound
            case .closed(let bound): number <= bound
            }
        return isHighEnough && isLowEnough
    }

    /// The bounds as they follow "a number": `above 0`, `from 0 to 1`; empty without bounds.
    var description: String {
        if case .closed(let low) = lower, case .closed(let high) = upper {
            return "from \(plainNumber(low)) to \(plainNumber(high))"
        }
        let low: String? =
            switch lower {
            case .none: nil
            case .open(let bound): "above \(plainNumber(bound))"
            case .closed(let bound): "of at least \(plainNumber(bound))"
            }
        let high: String? =
            switch upper {
            case .none: nil
            case .open(let bound): "below \(plainNumber(bound))"
            case .closed(let bound): "of at most \(plainNumber(bound))"
            }
        return [low, high].compactMap { $0 }.joined(separator: " and ")
    }
}

/// A number in its usual notation: 1, not 1.0.
private func plainNumber(_ number: Double) -> String {
    if let whole = Int(exactly: number), abs(number) < 1e15 { return String(whole) }
    return number.description
}
