// Shared by the exercises: buffer lengths, sample values, and the list of mismatches.

import Glibc
import MPI

/// One run of one exercise on this rank. Mismatches are only recorded, so that all ranks run the exercise to its end.
final class Examination {
    let communicator: Communicator
    private(set) var mismatches: [String] = []

    /// None, one, and lengths below, at and above the default piece of 1,000 elements, and several pieces.
    static let lengths = [0, 1, 999, 1000, 1001, 2500]

    init(_ communicator: Communicator) {
        self.communicator = communicator
    }

    /// Records `what` unless the condition holds.
    func require(_ condition: Bool, _ what: @autoclosure () -> String) {
        if !condition { mismatches.append("\(what()), on rank \(communicator.rank) of \(communicator.size)") }
    }

    /// Records two values that differ.
    func equal<T: Equatable>(_ found: T, _ expected: T, _ what: @autoclosure () -> String) {
        require(found == expected, "\(what()) is \(found) instead of \(expected)")
    }

    /// Records the first element that differs.
    func equal<T: Equatable>(_ found: [T], _ expected: [T], _ what: @autoclosure () -> String) {
        guard found != expected else { return }
        let mismatch = zip(found, expected).enumerated().first { $1.0 != $1.1 }
        let detail =
            mismatch.map { "[\($0)] is \($1.0) instead of \($1.1)" }
            ?? " has \(found.count) elements instead of \(expected.count)"
        require(false, what() + detail)
    }
}

/// Nanoseconds of the monotonic clock, which all processes of this host share.
func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// 64 bits that depend only on rank and index (the mixing function of SplitMix64).
func bits(rank: Int, index: Int) -> UInt64 {
    var z = UInt64(rank + 1) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(index) &* 0xD1B5_4A32_D192_ED03
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}

/// An element type with sample values.
protocol Sample: MPIElement, Comparable {
    /// The value of rank `rank` at `index`. All bits are used, so that a lost bit is detected; 4 fewer for sums of
    /// integers, because MPI does not define the result of an overflow.
    static func sample(rank: Int, index: Int, for operation: Reduction?) -> Self
    static var operations: [Reduction] { get }
    /// Whether `found` is the reduction of the ranks' values `parts`.
    static func isRight(_ found: Self, _ parts: [Self], _ operation: Reduction) -> Bool
}

extension Sample where Self: FixedWidthInteger {
    static func sample(rank: Int, index: Int, for operation: Reduction?) -> Self {
        Self(truncatingIfNeeded: bits(rank: rank, index: index)) / (operation == .sum ? 16 : 1)
    }
    static var operations: [Reduction] { Reduction.allCases }
    static func isRight(_ found: Self, _ parts: [Self], _ operation: Reduction) -> Bool {
        switch operation {
        case .sum: found == parts.reduce(0, &+)
        case .minimum: found == parts.min()
        case .maximum: found == parts.max()
        case .bitwiseOr: found == parts.reduce(0, |)
        }
    }
}

extension Sample where Self: BinaryFloatingPoint {
    static func sample(rank: Int, index: Int, for operation: Reduction?) -> Self {
        Self(Double(Int64(bitPattern: bits(rank: rank, index: index))) / 0x1p63)
    }
    static var operations: [Reduction] { [.sum, .minimum, .maximum] }
    /// The error of a sum of n values in any order is at most (n - 1) half-ulps of the sum of their magnitudes; the
    /// tolerance is twice that, because the plain sum here (a Double) has an error, too.
    static func isRight(_ found: Self, _ parts: [Self], _ operation: Reduction) -> Bool {
        switch operation {
        case .sum:
            let sum = parts.reduce(0.0) { $0 + Double($1) }
            let magnitudes = parts.reduce(0.0) { $0 + abs(Double($1)) }
            return abs(Double(found) - sum) <= Double(parts.count - 1) * Double(Self.ulpOfOne) * magnitudes
        case .minimum: return found == parts.min()
        case .maximum: return found == parts.max()
        case .bitwiseOr: return false
        }
    }
}

extension Float: Sample {}
extension Double: Sample {}
extension Int32: Sample {}
extension Int64: Sample {}
extension UInt64: Sample {}
extension UInt8: Sample {}

/// Every element type that can be sent.
let elementTypes: [any Sample.Type] = [Float.self, Double.self, Int32.self, Int64.self, UInt64.self, UInt8.self]

extension Examination {
    /// The values of rank `rank`, to be reduced by `operation` or (nil) to be copied.
    func samples<T: Sample>(_ type: T.Type, rank: Int, count: Int, for operation: Reduction? = nil) -> [T] {
        (0..<count).map { T.sample(rank: rank, index: $0, for: operation) }
    }

    /// Records each element of `found` that is not the reduction of all ranks' samples.
    func requireReduced<T: Sample>(_ found: [T], _ operation: Reduction) {
        for (index, value) in found.enumerated() {
            let parts = (0..<communicator.size).map { T.sample(rank: $0, index: index, for: operation) }
            require(
                T.isRight(value, parts, operation),
                "\(operation) of \(found.count) \(T.self): [\(index)] is \(value) from \(parts)")
        }
    }
}
