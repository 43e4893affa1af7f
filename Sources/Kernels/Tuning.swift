// Every number that tunes the kernels, with the measurement that chose it (Tests/KernelLab repeats them). "Z4" is a
// Zen 4 core with AVX-512, figures are fractions of its FMA peak.

/// Sizes of the tile that products are computed in, and of the blocks they are cut into.
@usableFromInline
package enum Tuning {
    /// Columns of a tile, as vectors: the four gates of an LSTM's units side by side, at every level.
    @inlinable package static var tileVectors: Int { 4 }
    /// The same in floats.
    @inlinable package static var tileColumns: Int { tileVectors * Vector.lanes }

    /// Floats of a cache line, which a prefetch asks for.
    @inlinable package static var lineFloats: Int { 16 }

    /// Rows of a tile at most. Accumulators are rows x 4 vectors, and each step of k needs the broadcast numbers of all
    /// rows and some vectors of columns beside them: 20 + 5 + 4 of AVX-512's 32 registers (6 rows would fit, but the
    /// compiler loads all columns at once and then spills: 0.75 of peak instead of 0.96; row by row it doesn't, 0.93), 12 + 3 + 1 of AVX2's 16 (0.90 to
    /// 0.95; 2 rows: 0.67 to 0.85), the same 12 + 3 as pairs of arm64's 32. Portable x86 has 16 registers of half a vector.
    @inlinable package static var tileRows: Int {
        #if SIMD_V4
            return 5
        #elseif SIMD_FMA || arch(arm64)
            return 3
        #else
            return 1
        #endif
    }

    /// Steps of k in a block of the recurrent products: a panel block of 32 KB (AVX-512) or 16 KB (AVX2) stays near L1
    /// while the row groups reuse it. Z4, [20, 650] x [650, 2600]: 128: 0.95, 325: 0.97, 650: 0.96-0.97;
    /// [20, 1500] x [1500, 6000]: 125: 0.79, 250: 0.83, 500: 0.75. AVX2 there: 128: 0.90, 217: 0.85, 650: 0.68.
    @inlinable package static var recurrentBlock: Int {
        #if SIMD_V4
            return 256
        #else
            return 128
        #endif
    }

    /// Bytes of recurrent weights up to which they are in the L2 cache from step to step.
    @inlinable package static var cachedWeightBytes: Int { 400 << 10 }

    /// Steps of k in a block of the large products, and rows of the left factor that are taken through all panels at once.
    /// Z4, gradient of the input [700, 2600] x [2600, 650] with 640: 0.82, 1280: 0.84, all: 0.85; with all rows at once
    /// instead of 20 0.63, because the left factor leaves the L2 cache between panels.
    @inlinable package static var largeBlock: Int { 1280 }
    @inlinable package static var rowsAtOnce: Int { 20 }

    /// Classes in a block of the output layer at most: steps of k where the left factor is read by columns.
    @inlinable package static var columnBlock: Int { 640 }

    /// Bytes of weights that the output layer keeps in L2 while it goes through the rows of a chunk, and bytes of a block of
    /// answers, which softmax and three products go through. Training, of peak, 10,000 classes on 200 and on 650 hidden units:
    /// 256 KB and 512 KB: 0.845, 0.924; 128 KB and 256 KB: 0.849, 0.933.
    @inlinable package static var outputBlockBytes: Int { 128 << 10 }
    @inlinable package static var answerBlockBytes: Int { 256 << 10 }

    /// Bytes of logits at once, at most: a chunk of the window. More would only cost memory, fewer make the weight
    /// gradients of a large vocabulary travel more often.
    @inlinable package static var logitBytes: Int { 16 << 20 }

    /// Classes or values up to which the output layer goes row by row instead of through panels. Z4, 2 classes on 128
    /// hidden units: 6.5 % of a step through panels, 1.8 % row by row.
    @inlinable package static var narrowWidth: Int { 8 }

    /// Distinct tokens over tokens of a window up to which the embedding is folded into the first layer.
    @inlinable package static var foldedShare: Double { 0.75 }

    /// Floats from one row of activations to the next: whole vectors, and no multiple of a kilobyte, so that the rows of a
    /// tile don't meet in the same sets of the L1 cache.
    @inlinable package static func rowPitch(_ width: Int) -> Int {
        let whole = wholeVectors(width)
        return whole > 0 && whole % 256 == 0 ? whole + 16 : whole
    }
}
