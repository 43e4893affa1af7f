import Kernels
import Tensors

/// `GradientSums` in the terms of the products that make them, for a window of one shape: kept from step to step.
struct BatchSums {
    struct Node {
        let sum: GradientSums.Node
        /// Steps of the window, `[sequence][t]`.
        let steps: Range<Int>
        /// Of packed gate gradients `[steps, GateLayout.width]`.
        let runs: [LeafRun]
    }

    private(set) var nodes: [Node] = []
    private let sums: GradientSums
    private let window: Int

    /// None.
    init() { self.init(GradientSums([]), window: 0) }

    /// Whether all sequences are one leaf of one sum.
    var areOneLeaf: Bool { nodes.count == 1 && nodes[0].sum.merges == nil }

    /// Whether they were made of these.
    func are(_ sums: GradientSums, window: Int) -> Bool { self.window == window && self.sums == sums }

    /// For windows of `window` steps.
    init(_ sums: GradientSums, window: Int) {
        self.sums = sums
        self.window = window
        let width = GateLayout.width
        nodes = sums.nodes.map { node in
            let first = node.sequences.lowerBound * window
            let runs =
                if let merges = node.merges {
                    merges.enumerated().map { sequence, merges in
                        LeafRun(offset: (first + sequence * window) * width, steps: window, merges: merges)
                    }
                } else {
                    [LeafRun(offset: first * width, steps: node.sequences.count * window, merges: 0)]
                }
            return Node(sum: node, steps: first..<node.sequences.upperBound * window, runs: runs)
        }
    }
}
