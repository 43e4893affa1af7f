import Kernels
import Tensors

/// Dropout on the non-recurrent connections: each unit is kept with probability 1 - rate and then divided by it.
///
/// A unit's draw depends on (seed, global stream, position in the stream, place, unit) alone, so that it is the same on
/// any number of ranks. Source: Zaremba, Sutskever & Vinyals (2014), section 3.1.
enum Dropout {
    /// Fills `mask` `[T B, width]`, whose rows are `pitch` floats apart, with 0 or 1/(1 - rate). Place 0 is the output
    /// of the embedding, place l + 1 that of layer l.
    static func fill(
        _ mask: UnsafeMutablePointer<Float>, width: Int, pitch: Int, batch: Batch, place: Int, rate: Float, seed: UInt64
    ) {
        let kept = 1 / (1 - rate)
        for t in 0..<batch.window {
            for b in 0..<batch.sequences {
                let row = mask + (t * batch.sequences + b) * pitch
                for block in 0..<(width + 3) / 4 {
                    let words = CounterRandom.words(
                        seed: seed, purpose: .dropout, channel: UInt32(truncatingIfNeeded: place),
                        UInt32(truncatingIfNeeded: batch.position + t),
                        UInt32(truncatingIfNeeded: batch.firstStream + b), UInt32(truncatingIfNeeded: block))
                    for lane in 0..<min(4, width - 4 * block) {
                        row[4 * block + lane] = CounterRandom.unit(words[lane]) >= rate ? kept : 0
                    }
                }
            }
        }
    }
}
