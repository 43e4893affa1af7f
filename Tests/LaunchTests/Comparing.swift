// Comparison of the results of two runs.

import FileFormats
import Foundation
import LaunchSupport
import Testing

/// Expects equal counts of values, each within the relative `tolerance` of the other.
func expectClose(
    _ found: [Double], _ expected: [Double], within tolerance: Double, _ what: String = "losses",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(found.count == expected.count, "\(what)", sourceLocation: sourceLocation)
    #expect(!expected.isEmpty, "no \(what)", sourceLocation: sourceLocation)
    let worst = zip(found, expected).enumerated().map { index, pair in
        (index: index, difference: abs(pair.0 - pair.1) / abs(pair.1), pair: pair)
    }.max { $0.difference < $1.difference }
    guard let worst else { return }
    #expect(
        worst.difference <= tolerance, "\(what), number \(worst.index): \(worst.pair.0), not \(worst.pair.1)",
        sourceLocation: sourceLocation)
}

/// Expects the same tensors, each value within `tolerance` of its tensor's largest.
func expectClose(
    _ found: SafetensorsFile, _ expected: SafetensorsFile, within tolerance: Float,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(found.names.sorted() == expected.names.sorted(), sourceLocation: sourceLocation)
    for name in expected.names {
        #expect(found.shape(of: name) == expected.shape(of: name), "\(name)", sourceLocation: sourceLocation)
        let (left, right) = (try found.read(name), try expected.read(name))
        let largest = right.map(abs).max() ?? 0
        let difference = zip(left, right).map { abs($0 - $1) }.max() ?? 0
        #expect(
            difference <= tolerance * largest, "\(name): \(difference), of at most \(largest)",
            sourceLocation: sourceLocation)
    }
}

/// Expects two runs to be equal except for times: lines, weights, and the state that a resumed run continues from.
func expectSame(
    _ found: RunFiles, _ expected: RunFiles, ignoring keys: Set<String> = [],
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let (lines, others) = (try found.lines(without: keys), try expected.lines(without: keys))
    #expect(!lines.isEmpty, sourceLocation: sourceLocation)
    if let index = zip(lines, others).enumerated().first(where: { $1.0 != $1.1 })?.offset {
        Issue.record("line \(index + 1): \(lines[index]), not \(others[index])", sourceLocation: sourceLocation)
    }
    #expect(lines.count == others.count, sourceLocation: sourceLocation)
    for file in ["model.safetensors", "training.safetensors"] {
        let same = try found.latest(file) == expected.latest(file)
        #expect(same, "\(file)", sourceLocation: sourceLocation)
    }
}

/// A value of the single JSON object that a command prints.
func figure(_ key: String, of run: MPIRun) throws -> Double {
    #expect(run.exitCode == 0, "\(run.errors)")
    return try #require(JSONValue(parsing: run.output)[key]?.numberValue)
}
