import Glibc

/// Turns a row of logits into probabilities in place and returns log Σ e^logit, so that the cross-entropy of class k
/// is that value less the logit of k, in nats. The largest logit is subtracted first; a NaN makes the result NaN.
package func softmax(_ row: UnsafeMutablePointer<Float>, count: Int) -> Float {
    var highest = Vector(repeating: -.infinity)
    forEachVector(of: count) { offset, span in
        var x = span.load(row + offset)
        if let rest = span.rest { for lane in rest..<Vector.lanes { x[lane] = -.infinity } }
        highest = highest.replacing(with: x, where: x .> highest)
    }
    let top = highest.max()
    var sum = Vector.zero
    forEachVector(of: count) { offset, span in
        var e = (span.load(row + offset) - top).exponential
        if let rest = span.rest { for lane in rest..<Vector.lanes { e[lane] = 0 } }
        span.store(e, row + offset)
        sum += e
    }
    let total = sum.sum()
    UnsafeMutableBufferPointer(start: row, count: count).scale(by: 1 / total)
    return top + logf(total)
}
