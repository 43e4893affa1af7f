import MPI
import System
import Tensors

/// The layout of the ranks' segments of a window. Each segment begins with the set of rows that its rank's gradients
/// touch, followed by these gradients. In the first rank's segment, the parameters, the optimiser state, the packed
/// weights and the sums over chunks follow.
struct WindowLayout {
    let count: Int
    /// The number of `ChunkSums`.
    let chunkSums: Int
    /// The number of floats of all gradient blocks, of this rank and of the first one.
    let gradientCount: Int
    let gradientCountOfFirst: Int
    let embeddingRows: Int
    let packed: Int
    let slots: Int

    private func wholePages(_ bytes: Int) -> Int {
        let page = SharedWindow.alignment
        return (bytes + page - 1) / page * page
    }
    private func bytes(_ floats: Int) -> Int { wholePages(floats * MemoryLayout<Float>.stride) }
    private var startOfGradients: Int { wholePages(RowSet.byteCount(rows: embeddingRows)) }
    /// Bytes of the segment of a rank that is not the first: touched rows and gradients.
    var localBytes: Int { startOfGradients + bytes(gradientCount) }
    private var startOfShared: Int { startOfGradients + bytes(gradientCountOfFirst) }
    private var startOfPacked: Int { startOfShared + bytes(count) * (1 + slots) }
    private var startOfChunkSums: Int { startOfPacked + bytes(packed) }
    var bytesOfFirst: Int { startOfChunkSums + chunkSums * MemoryLayout<Double>.stride }

    private func floats(_ window: SharedWindow, of rank: Int, at start: Int) -> UnsafeMutablePointer<Float> {
        UnsafeMutableRawBufferPointer(rebasing: window.segments[rank][start...])
            .bindMemory(to: Float.self).baseAddress!  // a segment has an address
    }

    func gradients(_ window: SharedWindow) -> [UnsafeMutablePointer<Float>] {
        window.segments.indices.map { floats(window, of: $0, at: startOfGradients) }
    }

    func touchedRows(_ window: SharedWindow) -> [RowSet] {
        window.segments.map {
            RowSet(borrowing: $0.baseAddress!, rows: embeddingRows, owner: window)  // it has an address
        }
    }

    func packed(_ window: SharedWindow) -> FloatBlock {
        FloatBlock(borrowing: floats(window, of: 0, at: startOfPacked), count: packed, owner: window)
    }

    func chunkSums(_ window: SharedWindow) -> UnsafeMutableBufferPointer<Double> {
        UnsafeMutableRawBufferPointer(rebasing: window.segments[0][startOfChunkSums..<bytesOfFirst])
            .bindMemory(to: Double.self)
    }

    func blocks(_ window: SharedWindow) -> (parameters: FloatBlock, gradients: FloatBlock, slots: [FloatBlock]) {
        func block(at start: Int) -> FloatBlock {
            FloatBlock(borrowing: floats(window, of: 0, at: start), count: count, owner: window)
        }
        return (
            block(at: startOfShared),
            FloatBlock(
                borrowing: floats(window, of: window.host.rank, at: startOfGradients), count: gradientCount,
                owner: window),
            (1..<1 + slots).map { block(at: startOfShared + $0 * bytes(count)) }
        )
    }
}
