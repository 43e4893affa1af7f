import Glibc
import Kernels
import Tensors

/// One version of a kernel: its idea, and a run on memory that all versions share.
struct Version {
    let idea: String
    let run: () -> Void
}

/// Checks versions against a plain loop, then times them in turns, so that other load affects all versions alike.
struct Lab {
    let peak: Double
    let rounds: Int

    init(rounds: Int) {
        self.rounds = rounds
        let loops = 200_000
        var best = Double.infinity
        var sink: Float = 0
        for round in 0..<20 {
            let start = seconds()
            sink += PeakLoop.run(rounds: loops, seed: Float(round))
            best = min(best, seconds() - start)
        }
        precondition(!sink.isNaN)
        peak = PeakLoop.operations(rounds: loops) / best
        print(
            "FMA peak of this core: \(Int(peak / 1e9)) GFLOP/s; figures are fractions of it, median (best) of \(rounds)"
        )
    }

    /// - Parameters:
    ///   - operations: floating-point operations per run.
    ///   - distance: the largest difference of the last run's result from the plain loop's.
    func compare(_ title: String, operations: Double, _ versions: [Version], tolerance: Double, distance: () -> Double)
    {
        print("\n\(title)")
        var times = [[Double]](repeating: [], count: versions.count)
        for (number, version) in versions.enumerated() {
            version.run()
            let off = distance()
            guard off <= tolerance else {
                print("  \(number + 1). \(version.idea): WRONG by \(off)")
                exit(1)
            }
        }
        for _ in 0..<rounds {
            for (number, version) in versions.enumerated() {
                let start = seconds()
                version.run()
                times[number].append(seconds() - start)
            }
        }
        for (number, version) in versions.enumerated() {
            let sorted = times[number].sorted()
            func fraction(_ seconds: Double) -> Double { (1000 * operations / seconds / peak).rounded() / 1000 }
            print(
                "  \(number + 1). \(version.idea): \(fraction(sorted[sorted.count / 2])) (\(fraction(sorted[0])))")
        }
    }
}

func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
}

/// Random values with full mantissas.
func numbers(_ count: Int, seed: UInt64) -> FloatBlock {
    let block = FloatBlock(count: count)
    var random = CounterRandom(seed: seed, purpose: .initialWeights, index: 0)
    for index in 0..<count { block.pointer[index] = random.uniform(-1, 1) }
    return block
}
