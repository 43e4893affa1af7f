/// The sizes and orders of the kernels' work that depend on the CPU. They decide what is in which cache when, and never a
/// bit of a result: each sum keeps its order.
///
/// Figures are fractions of the FMA peak of the same core (Tests/KernelLab repeats them). "Z4" is a Zen 4 core with
/// AVX-512, "Z5" a Zen 5 core, "GC" an Intel core with 48 KiB L1 and 2 MiB L2 (Emerald Rapids). Intel's caches do not hide
/// that a panel is read from L2 or beyond, so that there blocks are smaller and more is prefetched.
@usableFromInline
package struct Tuning: Sendable, Equatable {
    /// Values of k in a block of the recurrent products. With AVX-512 a panel block of up to 192 KB stays in the L2
    /// cache while the row groups reuse it, with AVX2 one of 16 KB near L1. Z5, [20, 650] x [650, 2600]: 128: 0.90,
    /// 256: 0.90, 650: 0.93; [50, 512] x [512, 2048]: 0.90, 0.91, 0.95; [20, 1500] x [1500, 6000]: 0.85, 0.84, 1500:
    /// 0.84. Z4: 128: 0.95, 325: 0.97, 650: 0.96-0.97 and 125: 0.79, 250: 0.83, 500: 0.75. GC: 128: 0.89, 256: 0.81, 650:
    /// 0.91; 0.93, 0.92, 512: 0.96; 0.90, 0.89, 1500: 0.89. AVX2 on Z4: 128: 0.90, 217: 0.85, 650: 0.68.
    package var recurrentBlock: Int

    /// As `recurrentBlock`, in the products of back-propagation. GC, [20, 2600] x [2600, 650]: 128: 0.82, 256: 0.81, 512:
    /// 0.81, 768: 0.77, 2600: 0.69; [50, 2048] x [2048, 512]: 0.90, 0.91, 0.92, 0.90, 2048: 0.86.
    package var backwardBlock: Int

    /// Values of k in a block of the gradient of a layer's input, and rows of gates that go through all panels at a
    /// time. Z5, [700, 2600] x [2600, 650] with blocks of 640: 20 rows 0.80 to 0.84, 50 rows 0.82 to 0.85, all 0.81 to
    /// 0.84; with 1280 0.76 to 0.83, 0.77 to 0.84, 0.74 to 0.85. Z4, 20 rows: 640: 0.82, 1280: 0.84; all rows at once
    /// 0.63, because the left factor was evicted from the L2 cache between panels. GC, 48 rows: 128: 0.85, 256: 0.86, 640:
    /// 0.80; [2500, 2048] x [2048, 512]: 0.86, 0.85, 0.83; [700, 6000] x [6000, 1500]: 0.83, 0.80, 0.70.
    package var inputGradientBlock: Int
    package var inputGradientRows: Int

    /// Bytes of weights that the output layer keeps in L2 while it processes the rows of a chunk. Training as a
    /// fraction of peak, 10,000 classes on 200 and on 650 hidden units: 256 KB (and blocks of logits of 512 KB): 0.845,
    /// 0.924; 128 KB (and 256 KB): 0.849, 0.933.
    package var outputBlockBytes: Int

    /// Values of k, rows of weights, in a block of the gradient of an output layer's hidden rows. GC, 384 steps, with
    /// and without prefetch of the weights, hidden 650: 88: 0.90, 0.80; 176: 0.81, 0.63; 1500: 88: 0.82, 0.54; 176: 0.76,
    /// 0.52; 200: 88: 0.91, 0.91; 176: 0.89, 0.89.
    package var hiddenGradientBlock: Int
    /// The distance in columns of the weights at which that product prefetches them; 0: it prefetches the next block of
    /// the outputs' gradients instead. GC, hidden 650: 6: 0.81, 12 (two tiles): 0.90, 24: 0.89.
    package var hiddenGradientAhead: Int

    /// Maximum steps of a leaf that go through several tiles, while the next ones are prefetched, in a sum by leaves; 0:
    /// each tile goes through all leaves. GC, weight gradients of 20 sequences of 35 steps, hidden 650: 0: 0.70, 32: 0.78,
    /// 64: 0.84; of 50 sequences of 50 steps, hidden 128: 0.70, 0.84, 0.88; of 31 of 100: 0.65, 0.81, 0.84, 100: 0.79.
    package var leafBlock: Int

    /// The numbers for CPUs that prefetch well: AMD's, and all that have not been measured.
    package static var standard: Tuning {
        var tuning = Tuning(
            recurrentBlock: 768, backwardBlock: 768, inputGradientBlock: 640, inputGradientRows: 48,
            outputBlockBytes: 128 << 10, hiddenGradientBlock: 176, hiddenGradientAhead: 0,
            leafBlock: 0)
        #if !SIMD_V4
            tuning.recurrentBlock = 128
            tuning.backwardBlock = 128
        #endif
        return tuning
    }

    /// The numbers for a family of CPUs.
    package static func tuning(for family: CPUFamily) -> Tuning {
        var tuning = standard
        switch family {
        case .goldenCove, .intel:
            tuning.backwardBlock = min(tuning.backwardBlock, 512)
            tuning.inputGradientBlock = 128
            tuning.hiddenGradientBlock = 88
            tuning.hiddenGradientAhead = 2 * Tuning.tileRows
            tuning.leafBlock = 64
        case .amd, .other: break
        }
        return tuning
    }

    /// The numbers in use: this CPU's, until others are set. `nonisolated(unsafe)` is correct because it is only set
    /// while no other thread computes.
    package nonisolated(unsafe) static var current = tuning(for: .current)
}
