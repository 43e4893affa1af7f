import Kernels
import Tensors

/// Rows that a layer reads: `[count, columns]`, row-major, `pitch` floats apart.
struct InputRows {
    let pointer: UnsafePointer<Float>
    let pitch: Int
    let columns: Int
    let count: Int

    init(_ pointer: UnsafePointer<Float>, pitch: Int, columns: Int, count: Int) {
        self.pointer = pointer
        self.pitch = pitch
        self.columns = columns
        self.count = count
    }
}

/// What a layer reads.
enum LayerInput {
    /// A row for each step of each sequence, `[T B, I]`.
    case rows(InputRows)
    /// The embeddings of the distinct tokens.
    case folded(FoldedInput)
}

/// What the first layer reads of a window whose embedding is folded (`FoldedEmbedding`). Legend: D distinct tokens.
struct FoldedInput {
    /// `[D, E]`: their embeddings.
    let rows: InputRows
    /// Tiles of `[D, GateLayout.width]`: their pre-activations; then the sums of their gradients.
    let gates: FloatBlock
    /// Which of the D each row t B + b reads.
    let rowOfStep: UnsafePointer<Int32>

    /// Copies each row's pre-activations to the gates, where the recurrence adds to them.
    func copyGates(ofTile tile: Int, step t: Int, to a: LayerMemory) {
        let from = gates.pointer + tile * rows.count * GateLayout.width
        let to = a.gateTile(tile, step: t)
        for b in 0..<a.sequences {
            let row = from + Int(rowOfStep[t * a.sequences + b]) * GateLayout.width
            copyTileRow(row, to + b * GateLayout.width)
        }
    }

    @inline(__always)
    private func copyTileRow(_ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>) {
        for vector in 0..<Tuning.tileVectors {
            Vector(at: from + vector * Vector.lanes).store(to: to + vector * Vector.lanes)
        }
    }
}
