extension UnsafeMutableBufferPointer<Float> {
    /// Σ x², in Double: the square of the Euclidean norm. Partial sums of 4,096 floats at a time, so that the Float
    /// accumulators stay exact to about 1e-6 whatever the length.
    package var sumOfSquares: Double {
        guard let baseAddress else { return 0 }
        var total = 0.0
        for start in stride(from: 0, to: count, by: 4096) {
            var sum = Vector.zero
            forEachVector(of: Swift.min(4096, count - start)) { offset, span in
                let x = span.load(baseAddress + start + offset)
                sum = sum.plus(x, times: x)
            }
            total += Double(sum.sum())
        }
        return total
    }

    /// x *= factor.
    package func scale(by factor: Float) {
        guard let baseAddress else { return }
        let factor = Vector(repeating: factor)
        forEachVector(of: count) { offset, span in
            span.store(span.load(baseAddress + offset) * factor, baseAddress + offset)
        }
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

/// result[column] = the sum of that column of a row-major matrix `[count, columns]` without gaps, `columns` whole vectors.
package func sumOfRows(
    _ matrix: UnsafePointer<Float>, count: Int, columns: Int, into result: UnsafeMutablePointer<Float>
) {
    result.update(repeating: 0, count: columns)
    for row in 0..<count {
        let from = matrix + row * columns
        for column in stride(from: 0, to: columns, by: Vector.lanes) {
            (Vector(at: result + column) + Vector(at: from + column)).store(to: result + column)
        }
    }
}
