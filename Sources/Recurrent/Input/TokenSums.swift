import Kernels
import Tensors

/// Which time steps of some sequences have the same token, in the order in which their values are summed: for each
/// token, one leaf per sequence with its steps in order, and the leaves along the tree of the sequences. Sequences
/// without the token are left out (their sum is 0).
///
/// Legend: D distinct tokens, T window, B sequences of the batch.
struct TokenSums {
    /// D + 1: the index of each token's first row in `rows`.
    private(set) var starts: [Int32] = []
    /// Places t B + b of the batch.
    private(set) var rows: [GatheredRow] = []
    /// For each boundary between two sequences, the depth in the tree of the node that it halves.
    private var depths: [Int] = []
    private var waiting: [Int] = []

    /// Reserves memory for this many steps and tokens.
    mutating func reserve(steps: Int, distinct: Int) {
        rows.reserveCapacity(steps)
        starts.reserveCapacity(distinct + 1)
        waiting.reserveCapacity(Int.bitWidth)
    }

    /// - Parameters:
    ///   - node: the sum whose steps are listed.
    ///   - index: the index of a place's token among the D.
    mutating func prepare(
        _ node: GradientSums.Node, window: Int, sequences: Int, distinct: Int, index: (_ place: Int) -> Int32
    ) {
        let steps = node.sequences.count * window
        starts.removeAll(keepingCapacity: true)
        starts.append(contentsOf: repeatElement(0, count: distinct + 1))
        rows.removeAll(keepingCapacity: true)
        rows.append(contentsOf: repeatElement(GatheredRow(row: 0, merges: 0), count: steps))
        for b in node.sequences { for t in 0..<window { starts[Int(index(t * sequences + b))] += 1 } }
        // Each entry becomes the end of its token's rows, and in the loop below their start.
        for token in 0..<distinct { starts[token + 1] += starts[token] }
        for b in node.sequences.reversed() {
            for t in (0..<window).reversed() {
                let place = t * sequences + b
                let token = Int(index(place))
                starts[token] -= 1
                rows[Int(starts[token])] = GatheredRow(
                    row: Int32(truncatingIfNeeded: place), merges: Int32(LeafRun.continues))
            }
        }
        setMerges(node, sequences: sequences, distinct: distinct)
    }

    private mutating func setMerges(_ node: GradientSums.Node, sequences: Int, distinct: Int) {
        if node.merges != nil { findDepths(node.sequences.count) }
        let first = node.sequences.lowerBound
        for token in 0..<distinct {
            let range = Int(starts[token])..<Int(starts[token + 1])
            guard let last = range.last else { continue }
            guard node.merges != nil else {
                rows[last].merges = 0
                continue
            }
            waiting.removeAll(keepingCapacity: true)
            var sequence = Int(rows[range.lowerBound].row) % sequences - first
            for place in range {
                let next = place < last ? Int(rows[place + 1].row) % sequences - first : -1
                guard next != sequence else { continue }
                // The node that has this sequence and the next one with the token in different halves.
                let depth = next < 0 ? -1 : depths[sequence + 1...next].min()!  // next > sequence
                var merges = 0
                while let top = waiting.last, top > depth {
                    waiting.removeLast()
                    merges += 1
                }
                waiting.append(depth)
                rows[place].merges = Int32(merges)
                sequence = next
            }
        }
    }

    private mutating func findDepths(_ sequences: Int) {
        guard depths.count != sequences else { return }
        depths.removeAll(keepingCapacity: true)
        depths.append(contentsOf: repeatElement(0, count: sequences))
        func visit(_ node: Range<Int>, _ depth: Int) {
            guard node.count > 1 else { return }
            let middle = SumTree.middle(node)
            depths[middle] = depth
            visit(node.lowerBound..<middle, depth + 1)
            visit(middle..<node.upperBound, depth + 1)
        }
        visit(0..<sequences, 0)
    }

    /// Sums rows of a matrix that has one row for each place of the batch: see `sumGatheredRows`.
    func sum(
        _ matrix: UnsafePointer<Float>, pitch: Int, columns: Int, adding: Bool, stack: UnsafeMutablePointer<Float>,
        to result: (_ token: Int) -> UnsafeMutablePointer<Float>
    ) {
        starts.withUnsafeBufferPointer { starts in
            rows.withUnsafeBufferPointer { rows in
                guard let first = rows.baseAddress else { return }
                sumGatheredRows(
                    matrix, pitch: pitch, columns: columns, starts: starts, rows: first, adding: adding, stack: stack,
                    to: result)
            }
        }
    }
}
