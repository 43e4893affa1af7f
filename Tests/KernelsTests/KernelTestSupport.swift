import Kernels
import TestSupport

/// `function` of each element, computed as kernels do: by whole vectors, then the remaining lanes.
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
        guard let start = buffer.baseAddress else { preconditionFailure("the line above reserved capacity") }
        return body(start)
    }
}

/// A description of the first element whose bits differ; nil if there is none.
func difference(_ found: [Float], _ expected: [Float]) -> String? {
    guard found.count == expected.count else { return "\(found.count) floats instead of \(expected.count)" }
    for (index, (a, b)) in zip(found, expected).enumerated() where a.bitPattern != b.bitPattern {
        return "\(a) instead of \(b) at \(index)"
    }
    return nil
}

/// `count` distinct row indices of a matrix, in random order.
func randomRows(_ count: Int, of rows: Int, _ random: inout SeededRandom) -> [Int32] {
    Array((0..<Int32(rows)).shuffled(using: &random).prefix(count))
}

/// A row-major matrix with random values in the rows `numbers`, and NaN in all elements that must not be read.
func rowsAmongNaN(
    _ numbers: [Int32], of rows: Int, width: Int, pitch: Int, _ random: inout SeededRandom
) -> [Float] {
    var matrix = [Float](repeating: .nan, count: rows * pitch)
    for row in numbers.map(Int.init) {
        matrix.replaceSubrange(row * pitch..<row * pitch + width, with: random.floats(width))
    }
    return matrix
}

extension SeededRandom {
    /// Floats with full mantissas, so that the order of a sum changes its bits.
    mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }
}
