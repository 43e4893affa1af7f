import Foundation
import Kernels
import Testing

/// An elementary function, its documented error bound, and the C library's function in Double.
private struct Promise: Sendable, CustomTestStringConvertible {
    let name: String
    let vector: @Sendable (Vector) -> Vector
    let exact: @Sendable (Double) -> Double
    /// The range in which the bound holds.
    let range: ClosedRange<Float>
    let ulps: Double

    var testDescription: String { name }

    static let all = [
        Promise(name: "exponential", vector: { $0.exponential }, exact: { exp($0) }, range: -87.3...88.7, ulps: 2),
        Promise(
            name: "sigmoid", vector: { $0.sigmoid }, exact: { 1 / (1 + exp(-$0)) }, range: -87...88, ulps: 2),
        Promise(
            name: "hyperbolic tangent", vector: { $0.hyperbolicTangent }, exact: { tanh($0) }, range: -100...100,
            ulps: hyperbolicTangentUlps),
    ]
}

/// Without fused multiply-adds (portable x86) the last correction is rounded twice.
#if SIMD_FMA || arch(arm64)
    private let hyperbolicTangentUlps = 2.0
#else
    private let hyperbolicTangentUlps = 2.1
#endif

/// Floats of a range: evenly spaced ones, and every 1,009th float of each sign, so that small ones are tested as well.
private func grid(_ range: ClosedRange<Float>) -> [Float] {
    let even = (0...200_000).map { range.lowerBound + (range.upperBound - range.lowerBound) * Float($0) / 200_000 }
    let positive = stride(from: Float.leastNormalMagnitude.bitPattern, through: range.upperBound.bitPattern, by: 1009)
    let negative = stride(
        from: (-Float.leastNormalMagnitude).bitPattern, through: range.lowerBound.bitPattern, by: 1009)
    return even.filter { range.contains($0) } + positive.map { Float(bitPattern: $0) }
        + negative.map { Float(bitPattern: $0) }
}

@Suite("Elementary functions on vectors")
struct ActivationTests {
    @Test("each is within its documented error of the value in Double", arguments: Promise.all)
    private func accuracy(_ promise: Promise) {
        let numbers = grid(promise.range)
        var worst = (ulps: 0.0, at: Float(0))
        for (x, y) in zip(numbers, mapped(numbers, promise.vector)) {
            let exact = promise.exact(Double(x))
            let ulps = abs(Double(y) - exact) / Double(max(Float(exact).ulp, Float.leastNormalMagnitude.ulp))
            if !(ulps <= worst.ulps) { worst = (ulps, x) }
        }
        #expect(worst.ulps <= promise.ulps, "\(worst.ulps) ulp at \(worst.at)")
    }

    @Test("each saturates when its value leaves the range of Float")
    func saturation() {
        let large: [Float] = [88.7, 89, 1e4, .greatestFiniteMagnitude, .infinity]
        let small = large.map { -$0 }
        #expect(Set(mapped(large, { $0.exponential })).count == 1)
        #expect(Set(mapped([-87.3] + small, { $0.exponential })).count == 1)
        #expect(mapped(large, { $0.exponential }).allSatisfy { $0.isFinite && $0 > 3e38 })
        #expect(mapped(small, { $0.exponential }).allSatisfy { $0 > 0 && $0 < 1.3e-38 })
        #expect(mapped(large, { $0.sigmoid }) == [1, 1, 1, 1, 1])
        #expect(mapped(small, { $0.sigmoid }).allSatisfy { $0 >= 0 && $0 < 1.3e-38 })
        #expect(mapped(large, { $0.hyperbolicTangent }) == [1, 1, 1, 1, 1])
        #expect(mapped(small, { $0.hyperbolicTangent }) == [-1, -1, -1, -1, -1])
    }

    @Test("a NaN stays a NaN, whatever its sign and payload")
    func nan() {
        let patterns: [UInt32] = [0x7FC0_0000, 0xFFC0_0000, 0x7FC0_0001, 0x7FC0_01FF, 0xFFFF_FFFF, 0x7FA0_0003]
        let numbers = patterns.map { Float(bitPattern: $0) }
        for promise in Promise.all {
            for (pattern, y) in zip(patterns, mapped(numbers, promise.vector)) {
                #expect(y.isNaN, "\(promise.name) of the NaN \(String(pattern, radix: 16)) is \(y)")
            }
        }
    }

    @Test("a NaN in one lane does not change the other lanes")
    func lanes() {
        let numbers = (0..<Vector.lanes).map { Float($0) / 4 - 1 }
        for promise in Promise.all {
            let clean = mapped(numbers, promise.vector)
            for lane in numbers.indices {
                var withNaN = numbers
                withNaN[lane] = .nan
                var result = mapped(withNaN, promise.vector)
                #expect(result[lane].isNaN)
                result[lane] = clean[lane]
                #expect(result == clean)
            }
        }
    }

    @Test("zero gives 1, one half and zero, and the hyperbolic tangent keeps its sign")
    func zero() {
        let zeros: [Float] = [0, -0.0]
        #expect(mapped(zeros, { $0.exponential }) == [1, 1])
        #expect(mapped(zeros, { $0.sigmoid }) == [0.5, 0.5])
        #expect(mapped(zeros, { $0.hyperbolicTangent }).map(\.bitPattern) == zeros.map(\.bitPattern))
    }

    @Test("the hyperbolic tangent is odd, bit for bit")
    func odd() {
        let numbers = grid(0...12)
        #expect(
            mapped(numbers.map { -$0 }, { $0.hyperbolicTangent })
                == mapped(numbers, { $0.hyperbolicTangent }).map { -$0 })
    }

    @Test("an element's value does not depend on its index in a whole or partial vector")
    func positions() {
        for promise in Promise.all {
            for x: Float in [-3.3, -0.1, 0.6249, 0.7, 5] {
                let row = mapped([Float](repeating: x, count: 2 * Vector.lanes + 3), promise.vector)
                #expect(Set(row.map(\.bitPattern)).count == 1, "\(promise.name) of \(x)")
            }
        }
    }
}
