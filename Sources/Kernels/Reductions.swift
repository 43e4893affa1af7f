/// A term of a sum of blocks, and to how many of the sums that wait to its left it is added, one after the other: at first none
/// (see `LeafRun`).
package struct SumTerm {
    package let pointer: UnsafePointer<Float>
    package let merges: Int

    package init(_ pointer: UnsafePointer<Float>, merges: Int) {
        self.pointer = pointer
        self.merges = merges
    }

    /// All from the left to the right.
    package static func inOrder(_ pointers: [UnsafePointer<Float>]) -> [SumTerm] {
        pointers.enumerated().map { SumTerm($1, merges: $0 > 0 ? 1 : 0) }
    }
}

/// A sum of squares of up to `length` floats, in Float, after which one goes on in Double.
///
/// A lane of its own for each place of a vector: ranges of the floats can be added one after the other as long as each begins
/// at a multiple of a vector, and those that hold only zeros can be left out, without a bit of the sum changing.
package struct PartialSum {
    /// Floats of one partial sum. Sums over parts that begin at its multiples, added in order, are the sum over the whole
    /// bit for bit.
    package static let length = 4096

    private var lanes = Vector.zero

    package init() {}

    package var value: Double { Double(lanes.sum()) }

    package mutating func addSquares(of numbers: UnsafeMutableBufferPointer<Float>) {
        guard let start = numbers.baseAddress else { return }
        add(numbers.count) { at, span in span.load(start + at) }
    }

    /// numbers = the sum of `terms` from `first` on, element by element; adds their squares. A sum of two or more that is 0 is +0.
    ///
    /// - Parameter terms: at least one, each of `first` floats and as many more as there are numbers, which may be there
    ///   themselves.
    package mutating func addSquares(
        of numbers: UnsafeMutableBufferPointer<Float>, settingSumOf terms: UnsafeBufferPointer<SumTerm>, from first: Int
    ) {
        guard let start = numbers.baseAddress else { return }
        switch terms.count {
        case 1:
            let a = terms[0].pointer + first
            add(numbers.count) { at, span in
                let x = span.load(a + at)
                span.store(x, start + at)
                return x
            }
        case 2:
            let (a, b) = (terms[0].pointer + first, terms[1].pointer + first)
            add(numbers.count) { at, span in
                let x = span.load(a + at) + span.load(b + at) + Vector.zero
                span.store(x, start + at)
                return x
            }
        default:
            var waiting = WaitingVectors(repeating: .zero)
            add(numbers.count) { at, span in
                var depth = 0
                for term in terms {
                    var x = span.load(term.pointer + first + at)
                    for _ in 0..<term.merges {
                        depth &-= 1
                        x = waiting[depth] + x
                    }
                    waiting[depth] = x
                    depth &+= 1
                }
                let x = waiting[0] + Vector.zero
                span.store(x, start + at)
                return x
            }
        }
    }

    @inline(__always)
    private mutating func add(_ count: Int, _ numbers: (_ at: Int, _ span: VectorSpan) -> Vector) {
        var sum = lanes
        forEachVector(of: count) { at, span in
            let x = numbers(at, span)
            sum = sum.plus(x, times: x)
        }
        lanes = sum
    }
}

extension UnsafeMutableBufferPointer<Float> {
    /// Σ x², in Double: the square of the Euclidean norm. Partial sums of 4,096 floats at a time, so that the Float
    /// accumulators stay exact to about 1e-6 whatever the length.
    package var sumOfSquares: Double {
        inPartialSums { sum, _, part in sum.addSquares(of: part) }
    }

    /// x = the sum of `terms` from `first` on, as `PartialSum` has it; returns Σ x² as `sumOfSquares` has it.
    package func setSum(of terms: UnsafeBufferPointer<SumTerm>, from first: Int) -> Double {
        inPartialSums { sum, start, part in sum.addSquares(of: part, settingSumOf: terms, from: first + start) }
    }

    private func inPartialSums(_ body: (inout PartialSum, _ start: Int, _ part: Self) -> Void) -> Double {
        var total = 0.0
        for start in stride(from: 0, to: count, by: PartialSum.length) {
            var sum = PartialSum()
            body(&sum, start, Self(rebasing: self[start..<Swift.min(start + PartialSum.length, count)]))
            total += sum.value
        }
        return total
    }

    /// x += y, element by element; `other` has as many.
    package func add(_ other: UnsafePointer<Float>) {
        guard let baseAddress else { return }
        forEachVector(of: count) { offset, span in
            span.store(span.load(baseAddress + offset) + span.load(other + offset), baseAddress + offset)
        }
    }

    /// x *= y, element by element; `other` has as many.
    package func multiply(by other: UnsafePointer<Float>) {
        guard let baseAddress else { return }
        forEachVector(of: count) { offset, span in
            span.store(span.load(baseAddress + offset) * span.load(other + offset), baseAddress + offset)
        }
    }
}

/// matrix[row][column] *= factors[column], for a row-major matrix without gaps; `columns` whole vectors.
package func scaleColumns(
    _ matrix: UnsafeMutablePointer<Float>, rows: Int, columns: Int, by factors: UnsafePointer<Float>
) {
    for row in 0..<rows {
        for column in stride(from: 0, to: columns, by: Vector.lanes) {
            let place = matrix + (row &* columns &+ column)
            (Vector(at: place) * Vector(at: factors + column)).store(to: place)
        }
    }
}

/// The products of `count` rows of a matrix, at most as many as a vector has lanes, with one row: a lane each; the other lanes
/// are 0.
///
/// - Parameters:
///   - rows: their numbers.
///   - columns: whole vectors.
package func products(
    _ matrix: UnsafePointer<Float>, pitch: Int, rows: UnsafePointer<Int32>, count: Int,
    _ factor: UnsafePointer<Float>, columns: Int
) -> Vector {
    totals { row in
        var sum = Vector.zero
        guard row < count else { return sum }
        let numbers = matrix + Int(rows[row]) &* pitch
        for column in stride(from: 0, to: columns, by: Vector.lanes) {
            sum = sum.plus(Vector(at: numbers + column), times: Vector(at: factor + column))
        }
        return sum
    }
}

/// The totals of as many vectors as a vector has lanes, a lane each: adding the even to the odd lanes of neighbours halves
/// their number until one vector holds all totals.
@inline(__always)
private func totals(_ vector: (Int) -> Vector) -> Vector {
    #if SIMD_V4
        var some = InlineArray<16, Vector> { vector($0) }
    #else
        var some = InlineArray<8, Vector> { vector($0) }
    #endif
    var left = Vector.lanes / 2
    while left > 0 {
        for index in 0..<left {
            let (a, b) = (some[unchecked: 2 &* index], some[unchecked: 2 &* index &+ 1])
            some[unchecked: index] = a.evenLanes(b) + a.oddLanes(b)
        }
        left /= 2
    }
    return some[unchecked: 0]
}
