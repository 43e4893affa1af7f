/// The tree of a sum by leaves, summed recursively; kernels read it as a list of `merges`.
indirect enum PlainTree: Sendable {
    case leaf(steps: Int)
    case sum(PlainTree, PlainTree)

    /// Recursive halves; the first half has the odd leaf.
    static func balanced(_ steps: [Int]) -> PlainTree {
        guard steps.count > 1 else { return .leaf(steps: steps.first ?? 0) }
        let middle = (steps.count + 1) / 2
        return .sum(balanced(Array(steps[..<middle])), balanced(Array(steps[middle...])))
    }

    /// ((a + b) + c) + d
    static func leftToRight(_ steps: [Int]) -> PlainTree {
        steps.dropFirst().reduce(.leaf(steps: steps.first ?? 0)) { .sum($0, .leaf(steps: $1)) }
    }

    /// a + (b + (c + d)): all sums wait for the last one.
    static func rightToLeft(_ steps: [Int]) -> PlainTree {
        steps.dropLast().reversed().reduce(.leaf(steps: steps.last ?? 0)) { .sum(.leaf(steps: $1), $0) }
    }

    /// The leaves from left to right, as a kernel's arguments.
    var leaves: [(steps: Int, merges: Int)] {
        switch self {
        case .leaf(let steps): return [(steps, 0)]
        case .sum(let left, let right):
            var leaves = left.leaves + right.leaves
            leaves[leaves.count - 1].merges += 1
            return leaves
        }
    }

    /// Total steps of all leaves.
    var steps: Int {
        switch self {
        case .leaf(let steps): steps
        case .sum(let left, let right): left.steps + right.steps
        }
    }

    /// The maximum number of additions after a leaf's chain.
    var depth: Int {
        switch self {
        case .leaf: 0
        case .sum(let left, let right): 1 + max(left.depth, right.depth)
        }
    }

    /// The sum; `chain` returns a leaf's sum for the range of its steps.
    func sum(from first: Int = 0, _ chain: (Range<Int>) -> Float) -> Float {
        switch self {
        case .leaf(let steps): chain(first..<first + steps)
        case .sum(let left, let right): left.sum(from: first, chain) + right.sum(from: first + left.steps, chain)
        }
    }
}
