// Every number that tunes the kernels, with the measurement that chose it (Tests/KernelLab repeats them). "Z4" is a
// Zen 4 core with AVX-512, which computes a vector in two halves, "Z5" a Zen 5 core, which computes it whole (peak 270
// GFLOP/s). Figures are fractions of the core's own FMA peak.

/// Sizes of the tile that products are computed in, and of the blocks they are cut into.
@usableFromInline
package enum Tuning {
    /// Columns of a tile, as vectors: the four gates of an LSTM's units side by side, at every level.
    @inlinable package static var tileVectors: Int { 4 }
    /// The same in floats.
    @inlinable package static var tileColumns: Int { tileVectors * Vector.lanes }

    /// Floats of a cache line, which a prefetch asks for.
    @inlinable package static var lineFloats: Int { 16 }
    /// Steps that a sum by leaves asks for its left factor ahead of time.
    @inlinable package static var leafPrefetchSteps: Int { 8 }

    /// Rows of a tile at most. Accumulators are rows x 4 vectors. AVX-512 goes row by row, with the vectors of columns and one
    /// broadcast beside them: 24 + 4 + 1 of 32 registers. Z5: 6 rows 0.936, 5 rows 0.932, 5 rows column by column 0.90; Z4, on
    /// the same product: 6 rows 0.93, and 5 rows column by column 0.96, for which this gave up Z4's last hundredths. AVX2
    /// goes column by column, with the broadcasts of all rows and one vector: 12 + 3 + 1 of 16 (0.90 to 0.95; 2 rows: 0.67 to
    /// 0.85), the same 12 + 3 as pairs of arm64's 32. Portable x86 has 16 registers of half a vector.
    @inlinable package static var tileRows: Int {
        #if SIMD_V4
            return 6
        #elseif SIMD_FMA || arch(arm64)
            return 3
        #else
            return 1
        #endif
    }

    /// Rows and vectors of a tile of a sum by leaves, whose factors are both packed: narrow, since a step of k then brings two lines
    /// and a few numbers from L2 for as many multiply-adds.
    @inlinable package static var leafVectors: Int { 2 }
    @inlinable package static var leafColumns: Int { leafVectors * Vector.lanes }
    @inlinable package static var leafRows: Int {
        #if SIMD_V4
            return 12
        #elseif SIMD_FMA || arch(arm64)
            return 6
        #else
            return 2
        #endif
    }

    /// Steps of k in a block of the recurrent products: with AVX-512 a panel block of up to 192 KB stays in the L2 cache while
    /// the row groups reuse it, with AVX2 one of 16 KB near L1. Z5, [20, 650] x [650, 2600]: 128: 0.90, 256: 0.90, 650: 0.93;
    /// [50, 512] x [512, 2048]: 0.90, 0.91, 0.95; [20, 1500] x [1500, 6000]: 0.85, 0.84, 1500: 0.84. Z4: 128: 0.95, 325:
    /// 0.97, 650: 0.96-0.97 and 125: 0.79, 250: 0.83, 500: 0.75. AVX2 there: 128: 0.90, 217: 0.85, 650: 0.68.
    @inlinable package static var recurrentBlock: Int {
        #if SIMD_V4
            return 768
        #else
            return 128
        #endif
    }

    /// Bytes of recurrent weights up to which they are in the L2 cache from step to step.
    @inlinable package static var cachedWeightBytes: Int { 400 << 10 }

    /// Steps of k in a block of the gradient of a layer's input, and rows of gates that are taken through all panels at once.
    /// Z5, [700, 2600] x [2600, 650] with 640 steps: 20 rows 0.80 to 0.84, 50 rows 0.82 to 0.85, all 0.81 to 0.84; with 1280
    /// steps 0.76 to 0.83, 0.77 to 0.84, 0.74 to 0.85. Z4, 20 rows: 640: 0.82, 1280: 0.84; all rows at once 0.63, because the
    /// left factor left the L2 cache between panels.
    @inlinable package static var inputGradientBlock: Int { 640 }
    @inlinable package static var inputGradientRows: Int { 48 }

    /// Rows of weights that the output layer takes through all steps at once, at least.
    @inlinable package static var outputRows: Int { 20 }

    /// Classes in a block of the output layer at most: softmax and three products go through a block's answers, which are to stay
    /// in L2 for the 350 to 400 steps of a chunk.
    @inlinable package static var answerBlock: Int { 176 }

    /// Bytes of weights that the output layer keeps in L2 while it goes through the rows of a chunk. Training, of peak, 10,000
    /// classes on 200 and on 650 hidden units: 256 KB (and blocks of answers of 512 KB): 0.845, 0.924; 128 KB (and 256 KB): 0.849,
    /// 0.933.
    @inlinable package static var outputBlockBytes: Int { 128 << 10 }

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
