import Benchmarks
import Kernels
import Tensors

private let width = Tuning.tileColumns

/// The gradient of a weight `[rows, H]` on two ranks of a host, the work of one of them: either all rows over the
/// rank's time steps and then the sum of half the rows, or half the rows over the time steps of both ranks, which needs
/// no sum.
///
/// The second version needs all ranks' activations in shared memory, and all ranks must have finished the backward pass
/// before the first product. It saves a pass over the gradient: Z4, 0.799 instead of 0.779 of peak for [10,000, 350] x
/// [350, 650], 0.833 instead of 0.824 with 700 time steps, 0.809 instead of 0.802 for [2,600, 700] x [700, 650], 0.750
/// instead of 0.738 for [10,000, 400] x [400, 200]. These products are a third of a step, so the gain is less than a
/// hundredth of a step, from which the wait is to be subtracted. Therefore the ranks sum slices.
func sharedWeightGradient(_ lab: Lab, rows: Int, hidden: Int, steps: Int) {
    let tiles = rows / width / 2 * 2
    let count = tiles * width * hidden
    // Of both ranks: the gradients of the rows' outputs, in tiles, and the layer's input.
    let d = (0..<2).map { Product.numbers(tiles * steps * width, seed: 9 + UInt64($0)) }
    let x = (0..<2).map { Product.numbers(steps * hidden, seed: 11 + UInt64($0)) }
    let panels = FloatBlock(count: steps * wholeVectors(hidden))
    let (local, remote) = (FloatBlock(count: count), FloatBlock(count: count))

    func add(_ rank: Int, tiles: Range<Int>, to result: FloatBlock, start: ProductStart) {
        packPanels(from: x[rank].pointer, pitch: hidden, columns: hidden, count: steps, into: panels.pointer)
        for tile in tiles {
            for slot in stride(from: 0, to: width, by: Vector.lanes) {
                multiply(
                    rows: Vector.lanes,
                    LeftFactor(
                        columns: d[rank].pointer + tile * steps * width + slot, pitch: width, count: steps),
                    panels: panels.pointer, columns: hidden, start: start,
                    into: ResultRows(result.pointer + (tile * width + slot) * hidden, pitch: hidden),
                    rowsAtOnce: Vector.lanes, prefetching: .beside(Vector.lanes))
            }
        }
    }
    add(1, tiles: 0..<tiles, to: remote, start: .zero)
    let half = local[0..<count / 2]
    let versions = [
        Version(idea: "all rows over the rank's time steps, then half the sum") {
            add(0, tiles: 0..<tiles, to: local, start: .zero)
            SumTerm.inOrder([UnsafePointer(local.pointer), UnsafePointer(remote.pointer)]).withUnsafeBufferPointer {
                _ = half.setSum(of: $0, from: 0)
            }
        },
        Version(idea: "half the rows over the time steps of both ranks") {
            add(0, tiles: 0..<tiles / 2, to: local, start: .zero)
            add(1, tiles: 0..<tiles / 2, to: local, start: .result)
        },
    ]
    lab.compare(
        "Gradient of a weight on two ranks, [\(tiles * width), 2 x \(steps)] x [2 x \(steps), \(hidden)], one rank's share",
        operations: 2 * Double(count * steps), versions, tolerance: 1e-2
    ) {
        stride(from: 0, to: count / 2, by: 9973).reduce(0) { worst, index in
            let (row, column) = (index / hidden, index % hidden)
            let exact = (0..<2).reduce(0.0) { sum, rank in
                (0..<steps).reduce(sum) {
                    $0 + Double(d[rank].pointer[(row / width * steps + $1) * width + row % width])
                        * Double(x[rank].pointer[$1 * hidden + column])
                }
            }
            return max(worst, abs(exact - Double(local.pointer[row * hidden + column])))
        }
    }
}
