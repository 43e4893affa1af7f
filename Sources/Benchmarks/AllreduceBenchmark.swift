package import FileFormats
import Glibc
package import MPI
import System
import Tensors
import Training

/// Times MPI_Allreduce, in place, of floats, from 4 bytes on: what averaging gradients comes down to.
///
/// As in nccl-tests: the algorithm's bandwidth is bytes / time, the bus bandwidth that times 2 (N - 1) / N, which makes
/// figures of different N comparable with the speed of what connects the ranks. As in the OSU micro-benchmarks each
/// iteration begins at a barrier. A rank's time is the median of its iterations: on a core that is shared, one that is
/// interrupted takes a thousand times as long and would spoil a mean.
package struct AllreduceBenchmark {
    private let communicator: Communicator
    /// Bytes a message, in order.
    private let sizes: [Int]
    private let buffer: FloatBlock
    private let other: FloatBlock

    package static let smallest = MemoryLayout<Float>.stride
    package static let largest = 256 << 20
    private static let warmUp = 3
    /// About how long the iterations of a size take.
    private static let secondsPerSize = 0.2

    /// The figures of one size. 1 GB is 10^9 bytes.
    package struct Row: Sendable {
        package let bytes: Int
        package let iterations: Int
        /// Seconds of a call: the mean over ranks, the fastest rank's and the slowest rank's.
        package let seconds: Double
        package let leastSeconds: Double
        package let greatestSeconds: Double
        package let ranks: Int
        /// Elements that were not the sum, on all ranks together (`AllreduceCheck`).
        package let wrong: Int
        /// Bytes a second that each rank copies from memory to memory, blocks of this size, all ranks at once.
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

    /// Sizes from `smallest` on, each `factor` times the one before, to at most `maxBytes`. Collective.
    ///
    /// - Throws: a `CommandError` where a host's ranks can't have two buffers of that size each.
    package init(maxBytes: Int, factor: Int, on communicator: Communicator) throws {
        precondition(factor > 1 && maxBytes >= Self.smallest, "the caller has checked the options")
        var sizes = [Self.smallest]
        while let last = sizes.last, last <= maxBytes / factor { sizes.append(last * factor) }
        let most = sizes[sizes.count - 1]
        try HostMemory.require(
            2 * most, on: communicator,
            for: ("bench allreduce: messages of \(byteCount(Double(most))) need", "a smaller --max-bytes"))
        self.communicator = communicator
        self.sizes = sizes
        buffer = FloatBlock(count: most / MemoryLayout<Float>.stride)
        other = FloatBlock(count: most / MemoryLayout<Float>.stride)
    }

    /// Measures one size after the other and hands out each row as it comes. Collective.
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

        // Sums of zeros stay zero: anything else would grow out of range.
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

    /// The mean over ranks.
    private func copyRate(_ bytes: Int) throws -> Double {
        copyBytes(other.pointer, buffer.pointer, bytes)
        let rounds = try iterations(timed { copyBytes(other.pointer, buffer.pointer, bytes) })
        try communicator.barrier()
        let seconds = timed { for _ in 0..<rounds { copyBytes(other.pointer, buffer.pointer, bytes) } }
        return try communicator.allreduce(Double(bytes * rounds) / seconds, .sum) / Double(communicator.size)
    }

    /// The same on every rank: as many as fit the time, by the rank whose first one took longest.
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

/// memcpy, as a call that the compiler can't leave out for being repeated.
@inline(never)
private func copyBytes(_ target: UnsafeMutablePointer<Float>, _ source: UnsafeMutablePointer<Float>, _ bytes: Int) {
    memcpy(target, source, bytes)
}
