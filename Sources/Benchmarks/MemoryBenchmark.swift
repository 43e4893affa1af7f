package import FileFormats
package import MPI
import System
import Tensors
import Training

/// The memory bandwidth of all ranks at once, by the triad a = b + s c of STREAM (McCalpin 1995), in floats: a ceiling for
/// whatever streams weights and gradients.
package struct MemoryBenchmark {
    private let communicator: Communicator
    /// Each of the three arrays: 64 MiB, more than a core's share of any cache.
    private static let count = 16 << 20
    private static let rounds = 5
    private static let secondsPerRound = 0.1

    package struct Result: Sendable {
        package let ranks: Int
        /// Bytes read and written a second, all ranks together; as in STREAM, without what a cache reads before a write.
        package let bytesPerSecond: Double

        package var json: JSONValue {
            ["ranks": .integer(ranks), "triad_gb_per_s": .number(bytesPerSecond / 1e9)]
        }
    }

    package init(on communicator: Communicator) { self.communicator = communicator }

    /// The best of several rounds. Collective.
    ///
    /// - Throws: a `CommandError` where a host's ranks can't have their arrays.
    package func run() throws -> Result {
        let bytes = Self.count * MemoryLayout<Float>.stride
        try HostMemory.require(3 * bytes, on: communicator, for: ("bench memory: three arrays need", "fewer ranks"))
        let (a, b, c) = (
            FloatBlock(count: Self.count), FloatBlock(count: Self.count), FloatBlock(count: Self.count)
        )
        b.buffer.update(repeating: 1)
        c.buffer.update(repeating: 2)
        triad(a.pointer, b.pointer, c.pointer, 0.5, Self.count)
        var best = 0.0
        for _ in 0..<Self.rounds {
            try communicator.barrier()
            let start = secondsNow()
            var passes = 0
            repeat {
                triad(a.pointer, b.pointer, c.pointer, 0.5, Self.count)
                passes += 1
            } while secondsNow() - start < Self.secondsPerRound
            let rate = Double(3 * bytes * passes) / (secondsNow() - start)
            best = max(best, try communicator.allreduce(rate, .sum))
        }
        return Result(ranks: communicator.size, bytesPerSecond: best)
    }
}

@inline(never)
private func triad(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ s: Float,
    _ count: Int
) {
    for index in 0..<count { a[index] = b[index] + s * c[index] }
}
