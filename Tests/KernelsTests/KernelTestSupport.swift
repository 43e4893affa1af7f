import Kernels

/// `function` of each number, computed as kernels do: vector by vector, and the rest.
func mapped(_ numbers: [Float], _ function: (Vector) -> Vector) -> [Float] {
    var result = [Float](repeating: .nan, count: numbers.count)
    numbers.withUnsafeBufferPointer { input in
        result.withUnsafeMutableBufferPointer { output in
            guard let from = input.baseAddress, let to = output.baseAddress else { return }
            forEachVector(of: input.count) { at, span in span.store(function(span.load(from + at)), to + at) }
        }
    }
    return result
}

/// Runs `body` on the memory of an array.
func withMemory<Result>(of array: inout [Float], _ body: (UnsafeMutablePointer<Float>) -> Result) -> Result {
    array.reserveCapacity(1)  // an empty array has an address too
    return array.withUnsafeMutableBufferPointer { buffer in
        guard let start = buffer.baseAddress else { preconditionFailure("the line above made room") }
        return body(start)
    }
}

/// SplitMix64: random numbers that a seed repeats.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Full mantissas, so that an order of sums shows.
    mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }
}
