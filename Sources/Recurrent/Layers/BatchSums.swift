import Kernels
import Tensors

/// `GradientSums` in the terms of the products that make them, for a window of one shape: kept from step to step.
struct BatchSums {
    struct Node {
        let sum: GradientSums.Node
        /// Steps of the window, `[sequence][t]`.
        let steps: Range<Int>
        /// Of gate gradients where they lie, rows (t, b) of `GateLayout.width`, and the floats from a step of a run to the next.
        let runs: [LeafRun]
        let runStep: Int
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
        let sequences = sums.nodes.last?.sequences.upperBound ?? 0
        nodes = sums.nodes.map { node in
            let steps = node.sequences.lowerBound * window..<node.sequences.upperBound * window
            guard let merges = node.merges else {
                let run = LeafRun(offset: steps.lowerBound * width, steps: steps.count, merges: 0)
                return Node(sum: node, steps: steps, runs: [run], runStep: width)
            }
            let runs = zip(node.sequences, merges).map { LeafRun(offset: $0 * width, steps: window, merges: $1) }
            return Node(sum: node, steps: steps, runs: runs, runStep: sequences * width)
        }
    }
}
