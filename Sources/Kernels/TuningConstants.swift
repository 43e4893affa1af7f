// The tuning numbers that are the same on every CPU, with the measurements that chose them (Tests/KernelLab repeats
// them). "Z4" is a Zen 4 core with AVX-512, which processes a vector in two halves, "Z5" a Zen 5 core, which processes it
// whole (peak 270 GFLOP/s). Figures are fractions of the FMA peak of the same core.

/// Sizes of the tiles that products are computed in, and of the blocks that decide the order of a sum.
extension Tuning {
    /// Columns of a tile in vectors, at every level: one vector for each of an LSTM's four gates.
    @inlinable package static var tileVectors: Int { 4 }
    /// Columns of a tile in floats.
    @inlinable package static var tileColumns: Int { tileVectors * Vector.lanes }

    /// Floats of a cache line, the unit of a prefetch.
    @inlinable package static var lineFloats: Int { 16 }
    /// The distance in k at which a sum by leaves prefetches its left factor.
    @inlinable package static var leafPrefetchSteps: Int { 8 }

    /// Maximum rows of a tile. The accumulators are rows x 4 vectors. AVX-512 goes row by row, with the vectors of the
    /// columns and one broadcast: 24 + 4 + 1 of 32 registers. Z5: 6 rows 0.936, 5 rows 0.932, 5 rows column by column
    /// 0.90. Z4 on the same product: 6 rows 0.93, 5 rows column by column 0.96; Z4's last hundredths were given up for
    /// Z5. AVX2 goes column by column, with the broadcasts of all rows and one vector: 12 + 3 + 1 of 16 registers (0.90
    /// to 0.95; 2 rows: 0.67 to 0.85); arm64 uses the same 12 + 3 as pairs of its 32. Portable x86 has 16 registers of
    /// half a vector.
    @inlinable package static var tileRows: Int {
        #if SIMD_V4
            return 6
        #elseif SIMD_FMA || arch(arm64)
            return 3
        #else
            return 1
        #endif
    }

    /// Vectors and rows of a tile of a sum by leaves, whose factors are both packed. Narrow, because each k then loads
    /// two cache lines and a few elements from L2 for the same number of multiply-adds as a wide tile.
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

    /// Maximum tiles that a leaf goes through at a time, leaf by leaf. Their sums, of which about three wait for each
    /// tile, and the leaf's blocks fit in L1.
    @inlinable package static var leafTilesAtOnce: Int { 6 }

    /// Minimum mean length of the runs of a sum that is computed leaf by leaf, because a tile's sums are loaded and stored
    /// for each run. GC, 20 sequences of 20 steps: as one run each 0.71 tile by tile, 0.76 leaf by leaf; in 26 runs 0.75,
    /// 0.70; 10 of 35 in 15 runs 0.70, 0.74.
    @inlinable package static var leastLeafSteps: Int { 18 }

    /// Whether a sum by leaves is faster with gates packed by sequence: leaf by leaf, if the blocks that are in use, whose
    /// steps are a row for each sequence apart, don't fit into the sets of the L1 cache that their addresses share. GC, 32
    /// sequences of 100 steps, hidden 128: 0.69, 31 sequences: 0.84. Packing costs a few hundredths for hidden 128.
    package static func packsGates(window: Int, sequences: Int) -> Bool {
        let block = min(current.leafBlock, window)
        guard block > 0 else { return false }
        // 12 ways of 4096 bytes; a step's gates are contiguous.
        let (wayBytes, ways, rowBytes) = (4096, 12, 4 * tileColumns)
        let shared = min(wayBytes, 1 << (sequences * rowBytes).trailingZeroBitCount)
        let places = wayBytes / max(shared, rowBytes) * ways
        return 2 * block > places
    }

    /// Maximum bytes of recurrent weights that stay in the L2 cache from one time step to the next.
    @inlinable package static var cachedWeightBytes: Int { 400 << 10 }

    /// Minimum rows of weights that the output layer processes with all time steps of a chunk at a time.
    @inlinable package static var outputRows: Int { 20 }

    /// Maximum classes in a block of the output layer. Softmax and three products read a block's logits, which should
    /// stay in L2 for the 350 to 400 time steps of a chunk.
    @inlinable package static var answerBlock: Int { 176 }

    /// Maximum bytes of the logits of a chunk of the window. More would only use more memory; with fewer, the weight
    /// gradients of a large vocabulary are loaded and stored more often.
    @inlinable package static var logitBytes: Int { 16 << 20 }

    /// Maximum classes or values for which the output layer goes row by row instead of through panels. Z4, 2 classes on
    /// 128 hidden units: 6.5 % of a step through panels, 1.8 % row by row.
    @inlinable package static var narrowWidth: Int { 8 }

    /// The embedding is folded into the first layer if that skips at least this share of a step's operations.
    @inlinable package static var leastFoldedSaving: Double { 0.04 }

    /// Floats from one row of activations to the next: whole vectors, but not a multiple of a kilobyte, so that the
    /// rows of a tile don't map to the same sets of the L1 cache.
    @inlinable package static func rowPitch(_ width: Int) -> Int {
        let whole = wholeVectors(width)
        return whole > 0 && whole % 256 == 0 ? whole + 16 : whole
    }
}
