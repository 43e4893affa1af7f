/// A term of a sum of blocks. `merges` is the number of sums waiting to its left that it is added to, one after the
/// other (see `LeafRun`); 0 for the first term.
package struct SumTerm {
    package let pointer: UnsafePointer<Float>
    package let merges: Int

    package init(_ pointer: UnsafePointer<Float>, merges: Int) {
        self.pointer = pointer
        self.merges = merges
    }

    /// Terms that are added from left to right.
    package static func inOrder(_ pointers: [UnsafePointer<Float>]) -> [SumTerm] {
        pointers.enumerated().map { SumTerm($1, merges: $0 > 0 ? 1 : 0) }
    }
}

/// The sum of squares of up to `length` floats, in Float; longer sums add partial sums in Double.
///
/// Each vector lane accumulates separately. So ranges can be added one after the other as long as each begins at a
/// multiple of the lanes, and ranges of zeros can be skipped, without changing a bit of the sum.
package struct PartialSum {
    /// The most floats of one partial sum. Sums over parts that begin at multiples of it, added in order, equal the sum
    /// over the whole bit for bit.
    package static let length = 4096

    private var lanes = Vector.zero

    package init() {}

    package var value: Double { Double(lanes.sum()) }

    package mutating func addSquares(of values: UnsafeMutableBufferPointer<Float>) {
        guard let start = values.baseAddress else { return }
        add(values.count) { at, span in span.load(start + at) }
    }

    /// values[i] = the sum of the terms' elements `first + i`; adds the squares of `values`. A zero sum of two or more
    /// terms is +0.
    ///
    /// - Parameter terms: at least one, each of at least `first + values.count` floats. `values` may be part of a term.
    package mutating func addSquares(
        of values: UnsafeMutableBufferPointer<Float>, settingSumOf terms: UnsafeBufferPointer<SumTerm>, from first: Int
    ) {
        guard let start = values.baseAddress else { return }
        switch terms.count {
        case 1:
            let a = terms[0].pointer + first
            add(values.count) { at, span in
                let x = span.load(a + at)
                span.store(x, start + at)
                return x
            }
        case 2:
            let (a, b) = (terms[0].pointer + first, terms[1].pointer + first)
            add(values.count) { at, span in
                let x = span.load(a + at) + span.load(b + at) + Vector.zero
                span.store(x, start + at)
                return x
            }
        default:
            var waiting = WaitingVectors(repeating: .zero)
            add(values.count) { at, span in
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
    private mutating func add(_ count: Int, _ values: (_ at: Int, _ span: VectorSpan) -> Vector) {
        var sum = lanes
        forEachVector(of: count) { at, span in
            let x = values(at, span)
            sum = sum.plus(x, times: x)
        }
        lanes = sum
    }
}

extension UnsafeMutableBufferPointer<Float> {
    /// Σ x², in Double: the square of the Euclidean norm. Computed in partial sums of 4,096 floats, so that the Float
    /// accumulators' relative error stays about 1e-6 for any length.
    package var sumOfSquares: Double {
        inPartialSums { sum, _, part in sum.addSquares(of: part) }
    }

    /// x = the sum of `terms` from element `first` on, as in `PartialSum.addSquares`; returns Σ x² like `sumOfSquares`.
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

    /// x += y, element by element; `other` has `count` elements.
    package func add(_ other: UnsafePointer<Float>) {
        guard let baseAddress else { return }
        forEachVector(of: count) { offset, span in
            span.store(span.load(baseAddress + offset) + span.load(other + offset), baseAddress + offset)
        }
    }

    /// x *= y, element by element; `other` has `count` elements.
    package func multiply(by other: UnsafePointer<Float>) {
        guard let baseAddress else { return }
        forEachVector(of: count) { offset, span in
            span.store(span.load(baseAddress + offset) * span.load(other + offset), baseAddress + offset)
        }
    }
}

/// matrix[row][column] *= factors[column], for a contiguous row-major matrix; `columns` is a multiple of the lanes.
package func scaleColumns(
    _ matrix: UnsafeMutablePointer<Float>, rows: Int, columns: Int, by factors: UnsafePointer<Float>
) {
    for row in 0..<rows {
        for column in stride(from: 0, to: columns, by: Vector.lanes) {
            let element = matrix + (row &* columns &+ column)
            (Vector(at: element) * Vector(at: factors + column)).store(to: element)
        }
    }
}

/// The dot products of `count` rows of a matrix with one row, one per lane; the other lanes are 0.
///
/// - Parameters:
///   - rows: `count` row indices.
///   - count: at most the vector's lanes.
///   - columns: a multiple of the lanes.
package func products(
    _ matrix: UnsafePointer<Float>, pitch: Int, rows: UnsafePointer<Int32>, count: Int,
    _ factor: UnsafePointer<Float>, columns: Int
) -> Vector {
    totals { row in
        var sum = Vector.zero
        guard row < count else { return sum }
        let elements = matrix + Int(rows[row]) &* pitch
        for column in stride(from: 0, to: columns, by: Vector.lanes) {
            sum = sum.plus(Vector(at: elements + column), times: Vector(at: factor + column))
        }
        return sum
    }
}

/// The horizontal sums of `lanes` vectors, one per lane: adding the even and odd lanes of neighbouring vectors halves
/// the number of vectors until one holds all sums.
@inline(__always)
private func totals(_ vector: (Int) -> Vector) -> Vector {
    #if SIMD_V4
        var vectors = InlineArray<16, Vector> { vector($0) }
    #else
        var vectors = InlineArray<8, Vector> { vector($0) }
    #endif
    var left = Vector.lanes / 2
    while left > 0 {
        for index in 0..<left {
            let (a, b) = (vectors[unchecked: 2 &* index], vectors[unchecked: 2 &* index &+ 1])
            vectors[unchecked: index] = a.evenLanes(b) + a.oddLanes(b)
        }
        left /= 2
    }
    return vectors[unchecked: 0]
}
