// allreduce, blocking and non-blocking, for every element type and each of its operations.

import MPI

func allreduce(_ examination: Examination) throws {
    func each<T: Sample>(_ type: T.Type) throws {
        let communicator = examination.communicator
        for length in Examination.lengths {
            for operation in T.operations {
                var buffer = examination.samples(T.self, rank: communicator.rank, count: length, for: operation)
                try buffer.withUnsafeMutableBufferPointer { try communicator.allreduce($0, operation) }
                examination.requireReduced(buffer, operation)
            }
        }
    }
    for type in elementTypes { try each(type) }
}

/// Three reductions in progress at once, completed in another order than begun: the last by `test`, the others by
/// `wait`.
func beginAllreduce(_ examination: Examination) throws {
    let communicator = examination.communicator
    for length in Examination.lengths {
        let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: length)
        let integers = UnsafeMutableBufferPointer<Int64>.allocate(capacity: length)
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: length)
        defer {
            floats.deallocate()
            integers.deallocate()
            bytes.deallocate()
        }
        _ = floats.initialize(from: examination.samples(Float.self, rank: communicator.rank, count: length))
        _ = integers.initialize(from: examination.samples(Int64.self, rank: communicator.rank, count: length))
        _ = bytes.initialize(from: examination.samples(UInt8.self, rank: communicator.rank, count: length))

        let first = try communicator.beginAllreduce(floats, .sum)
        let second = try communicator.beginAllreduce(integers, .maximum)
        let third = try communicator.beginAllreduce(bytes, .bitwiseOr)
        while try !third.test() {}
        try second.wait()
        try first.wait()
        try first.wait()
        examination.equal(try first.test(), true, "a test after the wait")

        examination.requireReduced(Array(floats), .sum)
        examination.requireReduced(Array(integers), .maximum)
        examination.requireReduced(Array(bytes), .bitwiseOr)
    }
}
