package import FileFormats
import Glibc
package import MPI
import System
import Tensors
import Training

/// Measures MPI_Allreduce of floats, in place, for messages of 4 bytes and more: the communication of a gradient
/// reduction.
///
/// As in nccl-tests, the algorithm bandwidth is bytes / time, and the bus bandwidth is that times 2 (N - 1) / N, which
/// makes results for different N comparable with the speed of the interconnect. As in the OSU micro-benchmarks, each
/// iteration begins at a barrier. A rank's time is the median of its iterations: on a shared core, an interrupted
/// iteration takes a thousand times as long and would distort a mean.
package struct AllreduceBenchmark {
    private let communicator: Communicator
    /// Bytes of the messages, ascending.
    private let sizes: [Int]
    private let buffer: FloatBlock
    private let other: FloatBlock

    package static let smallest = MemoryLayout<Float>.stride
    package static let largest = 256 << 20
    private static let warmUp = 3
    /// The approximate duration of all iterations of a size.
    private static let secondsPerSize = 0.2

    /// The results for one size. 1 GB is 10^9 bytes.
    package struct Row: Sendable {
        package let bytes: Int
        package let iterations: Int
        /// Seconds of a call: the mean over ranks, the fastest rank's and the slowest rank's.
        package let seconds: Double
        package let leastSeconds: Double
        package let greatestSeconds: Double
        package let ranks: Int
        /// The number of wrong elements, on all ranks together (`AllreduceCheck`).
        package let wrong: Int
        /// Bytes per second that each rank copies from memory to memory in blocks of this size, with all ranks copying
        /// concurrently.
        package let copyRate: Double

        package var count: Int { bytes / MemoryLayout<Float>.stride }
        package var algorithmRate: Double { Double(bytes) / seconds }
        package var busRate: Double { algorithmRate * 2 * Double(ranks - 1) / Double(ranks) }

        package var json: JSONValue {
            [
                "size": .integer(bytes), "count": .integer(count), "type": "float", "redop": "sum",
                "time_us": .number(1e6 * seconds), "time_us_min": .number(1e6 * leastSeconds),
                "time_us_max": .number(1e6 * greatestSeconds), "algbw_gb_per_s": .number(algorithmRate / 1e9),
                "busbw_gb_per_s": .number(busRate / 1e9), "wrong": .integer(wrong),
                "copy_gb_per_s": .number(copyRate / 1e9), "iterations": .integer(iterations),
            ]
        }
    }

    /// Measures sizes from `smallest` to at most `maxBytes`, each `factor` times the previous one. Collective.
    ///
    /// - Throws: a `CommandError` if a host has too little memory for two buffers of the largest size on each of its
    ///   ranks.
    package init(maxBytes: Int, factor: Int, on communicator: Communicator) throws {
        precondition(factor > 1 && maxBytes >= Self.smallest, "the caller has checked the options")
        var sizes = [Self.smallest]
        while let last = sizes.last, last <= maxBytes / factor { sizes.append(last * factor) }
        let most = sizes[sizes.count - 1]
        try HostMemory.require(
            2 * most, on: communicator,
            for: ("bench allreduce: messages of \(byteCount(Double(most))) need", "use a smaller --max-bytes"))
        self.communicator = communicator
        self.sizes = sizes
        buffer = FloatBlock(count: most / MemoryLayout<Float>.stride)
        other = FloatBlock(count: most / MemoryLayout<Float>.stride)
    }

    /// Measures the sizes in turn and passes each row to `show` when it is complete. Collective.
    package func run(_ show: (Row) -> Void) throws -> [Row] {
        try sizes.map { bytes in
            let row = try measure(bytes)
            show(row)
            return row
        }
    }

    private func measure(_ bytes: Int) throws -> Row {
        let message = buffer[0..<bytes / MemoryLayout<Float>.stride]
        let check = AllreduceCheck(ranks: communicator.size)
        check.fill(message, rank: communicator.rank)
        try communicator.allreduce(message, .sum)
        let wrong = try communicator.allreduce(Int64(check.wrong(in: message)), .sum)

        // Sums of zeros stay zero; other values would overflow.
        message.update(repeating: 0)
        for _ in 0..<Self.warmUp { try communicator.allreduce(message, .sum) }
        let iterations = try iterations(timed { try communicator.allreduce(message, .sum) })
        let times = try (0..<iterations).map { _ in
            try communicator.barrier()
            return try timed { try communicator.allreduce(message, .sum) }
        }
        let median = Spread(times).median
        return Row(
            bytes: bytes, iterations: iterations,
            seconds: try communicator.allreduce(median, .sum) / Double(communicator.size),
            leastSeconds: try communicator.allreduce(median, .minimum),
            greatestSeconds: try communicator.allreduce(median, .maximum), ranks: communicator.size, wrong: Int(wrong),
            copyRate: try copyRate(bytes))
    }

    /// The copy rate, as the mean over ranks.
    private func copyRate(_ bytes: Int) throws -> Double {
        copyBytes(other.pointer, buffer.pointer, bytes)
        let rounds = try iterations(timed { copyBytes(other.pointer, buffer.pointer, bytes) })
        try communicator.barrier()
        let seconds = timed { for _ in 0..<rounds { copyBytes(other.pointer, buffer.pointer, bytes) } }
        return try communicator.allreduce(Double(bytes * rounds) / seconds, .sum) / Double(communicator.size)
    }

    /// The number of iterations that fit the time, by the rank whose first iteration took longest; the same on every
    /// rank.
    private func iterations(_ seconds: Double) throws -> Int {
        let slowest = try communicator.allreduce(seconds, .maximum)
        return max(5, min(2000, Int(Self.secondsPerSize / max(slowest, 1e-9))))
    }

    private func timed(_ body: () throws -> Void) rethrows -> Double {
        let start = secondsNow()
        try body()
        return secondsNow() - start
    }
}

/// memcpy in a function that is not inlined, so that the compiler can't remove repeated calls.
@inline(never)
private func copyBytes(_ target: UnsafeMutablePointer<Float>, _ source: UnsafeMutablePointer<Float>, _ bytes: Int) {
    memcpy(target, source, bytes)
}
