import Kernels
import Tensors

/// The memory with which a layer reads sequences from their ends: rows in the reverse order of each sequence's time
/// steps, used by one layer at a time. Legend: T window, B sequences, H hidden, I input width.
///
/// A layer itself knows one order only: its input is copied in reverse, and its output back. Padding stays where it is,
/// after the sequence, so that the layer begins with the sequence's last time step.
struct ReversalMemory {
    /// `[T B, I]`: the input, and then its gradient.
    private let input: FloatBlock
    /// `[T B, H]`: the gradient of one direction's output.
    private let gradient: FloatBlock

    /// - Parameter make: makes a block of this many floats.
    init(_ parts: [LayerPart], rows: Int, _ make: (Int) -> FloatBlock) {
        input = make(rows * (parts.map { Tuning.rowPitch($0.inputSize) }.max() ?? 0))
        gradient = make(rows * Tuning.rowPitch(parts[0].hiddenSize))
    }

    /// The rows of a batch in reverse.
    func reversed(_ rows: InputRows, _ batch: Batch) -> InputRows {
        let pitch = Tuning.rowPitch(rows.columns)
        let result = input.pointer
        batch.forEachReversedRow { row, reversed in
            (result + reversed * pitch).update(from: rows.pointer + row * rows.pitch, count: rows.columns)
        }
        return InputRows(result, pitch: pitch, columns: rows.columns, count: rows.count)
    }

    /// Receives the gradient of one direction's input, when the reversed input is no longer needed.
    func inputGradient(of part: LayerPart) -> ResultRows {
        ResultRows(input.pointer, pitch: Tuning.rowPitch(part.inputSize))
    }

    /// Stores this gradient in the order of time: of the reverse direction, and then adds that of the forward one.
    func finishInputGradient(of part: LayerPart, _ batch: Batch, into result: ResultRows) {
        let from = inputGradient(of: part)
        forEachRow(of: batch, part) { row, own in
            let to = UnsafeMutableBufferPointer(start: result.pointer + row * result.pitch, count: part.inputSize)
            switch part.direction {
            case .forward: to.add(from.pointer + own * from.pitch)
            case .reverse: to.baseAddress?.update(from: from.pointer + own * from.pitch, count: to.count)
            }
        }
    }

    /// Joins the output of a direction to that of its layer, `pitch` floats a row.
    func join(
        _ output: UnsafePointer<Float>, of part: LayerPart, _ batch: Batch, into joined: UnsafeMutablePointer<Float>,
        pitch: Int
    ) {
        let (H, outputPitch) = (part.hiddenSize, Tuning.rowPitch(part.hiddenSize))
        let first = joined + part.direction.rawValue * H
        forEachRow(of: batch, part) { row, own in
            (first + row * pitch).update(from: output + own * outputPitch, count: H)
        }
    }

    /// The gradient of one direction's output, from that of its layer's, `pitch` floats a row.
    func gradient(
        of part: LayerPart, _ batch: Batch, from joined: UnsafePointer<Float>, pitch: Int
    ) -> UnsafeMutablePointer<Float> {
        let (H, outputPitch) = (part.hiddenSize, Tuning.rowPitch(part.hiddenSize))
        let first = joined + part.direction.rawValue * H
        let result = gradient.pointer
        forEachRow(of: batch, part) { row, own in
            (result + own * outputPitch).update(from: first + row * pitch, count: H)
        }
        return result
    }

    /// Calls `body` with each row of a batch, and the row where a direction has it.
    private func forEachRow(of batch: Batch, _ part: LayerPart, _ body: (_ row: Int, _ own: Int) -> Void) {
        switch part.direction {
        case .forward: for row in 0..<batch.window * batch.sequences { body(row, row) }
        case .reverse: batch.forEachReversedRow(body)
        }
    }
}

extension Batch {
    /// Calls `body` with each row t B + b, and with the row of the time step that takes its place when each sequence is
    /// read from its end. Padding takes its own place.
    fileprivate func forEachReversedRow(_ body: (_ row: Int, _ reversed: Int) -> Void) {
        for t in 0..<window {
            for b in 0..<sequences {
                let length = Int(lengths[b])
                body(t * sequences + b, (t < length ? length - 1 - t : t) * sequences + b)
            }
        }
    }
}
