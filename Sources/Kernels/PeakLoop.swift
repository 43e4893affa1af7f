/// Measures one core's peak floating-point operations per second: fused multiply-adds on 12 independent accumulators,
/// which hide each other's latency, without memory traffic.
package enum PeakLoop {
    /// Operations of one call of `run`.
    package static func operations(rounds: Int) -> Double { Double(rounds * 12 * 2 * Vector.lanes) }

    /// Returns a value that depends on every operation. `seed` must not be known at compile time; it keeps the
    /// accumulators unequal, because the compiler would merge equal ones and the measured peak would be too high.
    @inline(never)
    package static func run(rounds: Int, seed: Float) -> Float {
        let factor = Vector(repeating: 0.999)
        let term = Vector(repeating: seed * 1e-3)
        var (a, b, c, d) = (term + 1, term + 2, term + 3, term + 4)
        var (e, f, g, h) = (term + 5, term + 6, term + 7, term + 8)
        var (i, j, k, l) = (term + 9, term + 10, term + 11, term + 12)
        for _ in 0..<rounds {
            (a, b, c, d) = (
                term.plus(a, times: factor), term.plus(b, times: factor), term.plus(c, times: factor),
                term.plus(d, times: factor)
            )
            (e, f, g, h) = (
                term.plus(e, times: factor), term.plus(f, times: factor), term.plus(g, times: factor),
                term.plus(h, times: factor)
            )
            (i, j, k, l) = (
                term.plus(i, times: factor), term.plus(j, times: factor), term.plus(k, times: factor),
                term.plus(l, times: factor)
            )
        }
        return (a + b + c + d + e + f + g + h + i + j + k + l).sum()
    }
}
