import Glibc
import Tensors

/// A linear chain of labels: sums over all its paths, the gradient of their logarithm, and the best path.
///
/// Legend: K labels, T time steps, e `[T, K]` the scores of labels at time steps, A `[K, K]` those of transitions (from,
/// to), s and f those of first and last labels. A path's score is s + f + Σ e + Σ A along it.
///
/// Sums over paths are products of matrices of exponentials, each row divided by its largest value, whose logarithms are
/// added apart: the log-sum-exp of each time step without an exponential for each pair of labels. In Double, so that
/// values up to e^700 below the largest still count.
struct Chain {
    private let K: Int
    /// A, and exp(A - its maximum), 0 where a transition is forbidden: `[from, to]` and `[to, from]`.
    private let transitions: UnsafeMutablePointer<Double>
    private let factors: UnsafeMutablePointer<Double>
    private let factorsByEnd: UnsafeMutablePointer<Double>
    private let pairs: UnsafeMutablePointer<Double>
    private let starts: UnsafeMutablePointer<Double>
    private let ends: UnsafeMutablePointer<Double>
    private let back: UnsafeMutablePointer<Double>
    private let weighted: UnsafeMutablePointer<Double>
    /// e, and exp(e - the time step's maximum).
    private let scores: UnsafeMutablePointer<Double>
    private let emissions: UnsafeMutablePointer<Double>
    /// Forward: sums over the paths up to a label, and these before the label's own score.
    private let forward: UnsafeMutablePointer<Double>
    private let arriving: UnsafeMutablePointer<Double>
    private let gradient: UnsafeMutablePointer<Double>
    private let origins: UnsafeMutablePointer<Int32>
    /// Gradients of A, s and f of a leaf, then of the leaves that wait.
    let sums: UnsafeMutablePointer<Float>
    private var largest = 0.0

    /// The score of a forbidden transition, where a given path has one.
    static let forbidden = -1e4

    /// Floats of the gradients of A, s and f.
    static func sumCount(labels: Int) -> Int { labels * labels + 2 * labels }
    var sumCount: Int { Self.sumCount(labels: K) }

    init(
        labels: Int, longest: Int, memory: UnsafeMutablePointer<Double>, pointers: UnsafeMutablePointer<Int32>,
        sums: UnsafeMutablePointer<Float>
    ) {
        K = labels
        var next = memory
        func take(_ count: Int) -> UnsafeMutablePointer<Double> {
            defer { next += count }
            return next
        }
        transitions = take(labels * labels)
        factors = take(labels * labels)
        factorsByEnd = take(labels * labels)
        pairs = take(labels * labels)
        starts = take(labels)
        ends = take(labels)
        back = take(labels)
        weighted = take(labels)
        scores = take(longest * labels)
        emissions = take(longest * labels)
        forward = take(longest * labels)
        arriving = take(longest * labels)
        gradient = take(longest * labels)
        origins = pointers
        self.sums = sums
    }

    /// Takes A, s and f.
    mutating func prepare(
        transitions A: UnsafePointer<Float>, starts s: UnsafePointer<Float>, ends f: UnsafePointer<Float>,
        _ allowed: LabelTransitions?
    ) {
        var largest = -Double.infinity
        for from in 0..<K {
            starts[from] = allowed?.allowsStart(from) ?? true ? Double(s[from]) : Self.forbidden
            ends[from] = allowed?.allowsEnd(from) ?? true ? Double(f[from]) : Self.forbidden
            for to in 0..<K {
                let score = allowed?.allows(from, to) ?? true ? Double(A[from * K + to]) : Self.forbidden
                transitions[from * K + to] = score
                largest = max(largest, score)
            }
        }
        self.largest = largest
        for from in 0..<K {
            for to in 0..<K {
                let score = transitions[from * K + to]
                let factor = score == Self.forbidden ? 0 : exp(score - largest)
                factors[from * K + to] = factor
                factorsByEnd[to * K + from] = factor
            }
        }
    }

    /// Where the scores of a time step belong, `[K]`.
    func scores(at t: Int) -> UnsafeMutablePointer<Double> { scores + t * K }
    /// The gradient of the scores of a time step, `[K]`.
    func gradient(at t: Int) -> UnsafePointer<Double> { UnsafePointer(gradient + t * K) }

    // MARK: - Sums over paths

    /// The score of one path.
    func score(of path: (Int) -> Int, steps T: Int) -> Double {
        var score = starts[path(0)] + ends[path(T - 1)]
        for t in 0..<T {
            score += scores[t * K + path(t)]
            if t > 0 { score += transitions[path(t - 1) * K + path(t)] }
        }
        return score
    }

    /// The logarithm of the sum of e^score over all paths.
    func logSum(steps T: Int) -> Double {
        var log = 0.0
        for t in 0..<T {
            let (alpha, emission) = (forward + t * K, emissions + t * K)
            if t == 0 {
                for label in 0..<K { alpha[label] = scores[label] + starts[label] }
                log += exponentiate(alpha)
                continue
            }
            let arrived = arriving + t * K
            arrived.update(repeating: 0, count: K)
            for from in 0..<K { add(factors + from * K, times: (alpha - K)[from], to: arrived) }
            for label in 0..<K { emission[label] = scores[t * K + label] }
            log += largest + exponentiate(emission)
            for label in 0..<K { alpha[label] = arrived[label] * emission[label] }
            log += normalise(alpha)
        }
        for label in 0..<K { back[label] = ends[label] }
        log += exponentiate(back)
        var sum = 0.0
        for label in 0..<K { sum += forward[(T - 1) * K + label] * back[label] }
        return log + (sum > 0 ? Glibc.log(sum) : Self.forbidden)
    }

    /// After `logSum`: the gradient of it minus the score of a path: with respect to the scores in `gradient`, and with
    /// respect to A, s and f, which is added to a leaf's.
    func differentiate(path: (Int) -> Int, steps T: Int) {
        for t in (0..<T).reversed() {
            let (alpha, result) = (forward + t * K, gradient + t * K)
            var sum = 0.0
            for label in 0..<K {
                result[label] = alpha[label] * back[label]
                sum += result[label]
            }
            for label in 0..<K { result[label] /= sum }
            if t == T - 1 { addEnds(result, path(t), at: K * K + K) }
            if t == 0 { addEnds(result, path(t), at: K * K) }
            result[path(t)] -= 1
            guard t > 0 else { continue }
            let arrived = arriving + t * K
            var norm = 0.0
            for label in 0..<K {
                weighted[label] = back[label] * emissions[t * K + label]
                norm += arrived[label] * weighted[label]
            }
            for from in 0..<K { add(weighted, times: (alpha - K)[from] / norm, to: pairs + from * K) }
            sums[path(t - 1) * K + path(t)] -= 1
            back.update(repeating: 0, count: K)
            for to in 0..<K { add(factorsByEnd + to * K, times: weighted[to], to: back) }
            _ = normalise(back)
        }
    }

    /// Begins a leaf.
    func clear() {
        pairs.update(repeating: 0, count: K * K)
        sums.update(repeating: 0, count: sumCount)
    }

    /// Ends a leaf: the expected numbers of transitions, which have been summed without the factors.
    func finish() {
        for pair in 0..<K * K { sums[pair] += Float(pairs[pair] * factors[pair]) }
    }

    private func addEnds(_ probabilities: UnsafePointer<Double>, _ label: Int, at place: Int) {
        for label in 0..<K { sums[place + label] += Float(probabilities[label]) }
        sums[place + label] -= 1
    }

    /// Values become exponentials of their differences from the largest, which is returned.
    private func exponentiate(_ values: UnsafeMutablePointer<Double>) -> Double {
        let largest = largest(values)
        for label in 0..<K { values[label] = exp(values[label] - largest) }
        return largest
    }

    /// Divides values by the largest, whose logarithm is returned. All are 0 where no allowed path goes on: then all are as
    /// likely, at the price of a forbidden transition.
    private func normalise(_ values: UnsafeMutablePointer<Double>) -> Double {
        let largest = largest(values)
        guard largest != 0 else {
            values.update(repeating: 1, count: K)
            return Self.forbidden
        }
        for label in 0..<K { values[label] /= largest }
        return log(largest)
    }

    private func largest(_ values: UnsafePointer<Double>) -> Double {
        var largest = values[0]
        for label in 1..<K { largest = max(largest, values[label]) }
        return largest
    }

    @inline(__always)
    private func add(
        _ values: UnsafePointer<Double>, times factor: Double, to result: UnsafeMutablePointer<Double>
    ) {
        for label in 0..<K { result[label] += factor * values[label] }
    }

    // MARK: - The best path

    /// The path with the highest score, in `gradient` as 1 at its labels and 0 at others (Viterbi, 1967).
    func findBestPath(steps T: Int) {
        let best = forward
        for label in 0..<K { best[label] = scores[label] + starts[label] }
        for t in 1..<max(T, 1) {
            let (before, now, origin) = (best + (t - 1) * K, best + t * K, origins + t * K)
            for to in 0..<K {
                now[to] = before[0] + transitions[to]
                origin[to] = 0
            }
            for from in 1..<K {
                for to in 0..<K where before[from] + transitions[from * K + to] > now[to] {
                    now[to] = before[from] + transitions[from * K + to]
                    origin[to] = Int32(truncatingIfNeeded: from)
                }
            }
            for to in 0..<K { now[to] += scores[t * K + to] }
        }
        let last = best + (T - 1) * K
        for label in 0..<K { last[label] += ends[label] }
        var label = 0
        for other in 1..<K where last[other] > last[label] { label = other }
        gradient.update(repeating: 0, count: T * K)
        for t in (0..<T).reversed() {
            gradient[t * K + label] = 1
            if t > 0 { label = Int(origins[t * K + label]) }
        }
    }
}
