import Kernels
import Tensors

/// `GradientSums` as the products need them, for one window: rewritten for each window, in the same memory.
struct BatchSums {
    struct Node {
        let sum: GradientSums.Node
        /// Steps of the window, `[sequence][t]`.
        let steps: Range<Int>
        /// Among `runs`.
        let runs: Range<Int>
        /// Floats from one step of a run to the next, in gate gradients as they are stored: rows (t, b) of
        /// `GateLayout.width`.
        let runStep: Int
    }

    private(set) var nodes: [Node] = []
    private var runs: [LeafRun] = []
    /// As `runs`, for gates packed by sequence.
    private var packedRuns: [LeafRun] = []

    /// Whether all sequences are one leaf of one sum.
    var areOneLeaf: Bool { nodes.count == 1 && nodes[0].sum.merges == nil }

    /// For a window of `window` steps.
    mutating func prepare(_ sums: GradientSums, window: Int) {
        nodes.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
        packedRuns.removeAll(keepingCapacity: true)
        let width = GateLayout.width
        let sequences = sums.nodes.last?.sequences.upperBound ?? 0
        for node in sums.nodes {
            let steps = node.sequences.lowerBound * window..<node.sequences.upperBound * window
            let first = runs.count
            if let merges = node.merges {
                for (sequence, merges) in zip(node.sequences, merges) {
                    runs.append(LeafRun(offset: sequence * width, steps: window, merges: merges))
                    packedRuns.append(LeafRun(offset: sequence * window * width, steps: window, merges: merges))
                }
            } else {
                runs.append(LeafRun(offset: steps.lowerBound * width, steps: steps.count, merges: 0))
                packedRuns.append(LeafRun(offset: steps.lowerBound * width, steps: steps.count, merges: 0))
            }
            nodes.append(
                Node(
                    sum: node, steps: steps, runs: first..<runs.count,
                    runStep: node.merges == nil ? width : sequences * width))
        }
    }

    func withRuns(of node: Node, _ body: (UnsafeBufferPointer<LeafRun>) -> Void) {
        runs.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[node.runs])) }
    }

    /// The same for gates packed by sequence, whose steps are a row apart.
    func withPackedRuns(of node: Node, _ body: (UnsafeBufferPointer<LeafRun>) -> Void) {
        packedRuns.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[node.runs])) }
    }
}
