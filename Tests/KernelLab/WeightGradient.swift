import Kernels
import Tensors

private let width = Tuning.tileColumns

/// dW `[4H, H]` = dz^T h over all time steps of a batch: as one leaf, as one leaf per sequence, and as the chain of a
/// product with panels. Gates are packed `[tile][steps, columns of a tile]`; the time of packing h is included.
func weightGradient(_ lab: Lab, window: Int, sequences: Int, hidden: Int) {
    let steps = window * sequences
    let tiles = (4 * hidden + width - 1) / width
    let gates = numbers(tiles * steps * width, seed: 5)
    let h = numbers(steps * hidden, seed: 6)
    let panels = FloatBlock(count: steps * wholeVectors(hidden))
    let result = FloatBlock(count: tiles * width * hidden)
    let stack = FloatBlock(count: leafStackCount)

    func run(_ runs: [LeafRun]) {
        packPanels(
            from: h.pointer, pitch: hidden, columns: hidden, count: steps, vectors: Tuning.leafVectors,
            into: panels.pointer)
        runs.withUnsafeBufferPointer { runs in
            for tile in 0..<tiles {
                let a = LeafFactor(gates.pointer + tile * steps * width, step: width, runs: runs)
                for panel in ColumnPanels.forLeaves(of: hidden) {
                    multiplyByLeaves(
                        rows: width, a, panel: panels.pointer + steps * panel.lowerBound, columns: panel.count,
                        adding: false,
                        into: GroupedRows(
                            result.pointer + tile * width * hidden + panel.lowerBound, pitch: hidden),
                        stack: stack.pointer)
                }
            }
        }
    }
    func runWide() {
        packPanels(from: h.pointer, pitch: hidden, columns: hidden, count: steps, into: panels.pointer)
        for slot in 0..<tiles * Tuning.tileVectors {
            let (tile, inTile) = slot.quotientAndRemainder(dividingBy: Tuning.tileVectors)
            multiply(
                rows: Vector.lanes,
                LeftFactor(
                    columns: gates.pointer + tile * steps * width + inTile * Vector.lanes, pitch: width, count: steps),
                panels: panels.pointer, columns: hidden, start: .zero,
                into: ResultRows(result.pointer + slot * Vector.lanes * hidden, pitch: hidden),
                rowsAtOnce: Vector.lanes, prefetching: .beside(Vector.lanes))
        }
    }
    let merges = SumTree.merges(inside: 0..<sequences)
    lab.compare(
        "Gradient of a weight, [\(4 * hidden), \(steps)] x [\(steps), \(hidden)], with packing of the right factor",
        operations: 2 * Double(steps * tiles * width * hidden),
        [
            Version(idea: "one chain, panels of \(Tuning.tileVectors) vectors") { runWide() },
            Version(idea: "one leaf") { run([LeafRun(offset: 0, steps: steps, merges: 0)]) },
            Version(idea: "\(sequences) leaves of \(window) steps") {
                run(
                    (0..<sequences).map {
                        LeafRun(offset: $0 * window * width, steps: window, merges: merges[$0])
                    })
            },
        ], tolerance: 1e-2
    ) {
        distance(
            { result.pointer[$0 * hidden + $1] }, rows: tiles * width, columns: hidden, inner: steps,
            { gates.pointer[($0 / width * steps + $1) * width + $0 % width] }, { h.pointer[$0 * hidden + $1] })
    }
}
