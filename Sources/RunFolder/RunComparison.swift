import FileFormats
import System

/// Compares two runs or two checkpoints bit by bit.
///
/// Times and the number of ranks are ignored: two runs are equal if they computed the same.
package struct RunComparison: Equatable {
    /// What is equal, a sentence each.
    package private(set) var equal: [String] = []
    /// What differs, a sentence each: the first line of metrics that differs, and the first common checkpoint that
    /// differs.
    package private(set) var differences: [String] = []

    package var areEqual: Bool { differences.isEmpty }

    /// Compares two run folders by their metrics and by all checkpoints that both still have; for other arguments,
    /// compares the checkpoints that `RunDirectory.resolve` finds.
    ///
    /// - Throws: `RunFolderError`, `FileFormatError` or `SystemError` if one of them can't be read.
    package init(_ first: String, _ second: String) throws {
        let runs = [first, second].map(RunDirectory.init(path:))
        if runs.allSatisfy({ FolderCalls.isFolder($0.checkpointsPath) }) {
            try compareMetrics(runs[0], runs[1])
            try compareCheckpoints(runs[0], runs[1])
            if differences.isEmpty && (equal.isEmpty || equal == ["metrics: 0 lines"]) {
                differences.append("there is nothing to compare: no line of metrics and no checkpoint")
            }
        } else {
            try compare(RunDirectory.resolve(first), RunDirectory.resolve(second))
        }
    }

    // MARK: - Metrics

    /// Keys that differ between runs that computed the same.
    private static let timesAndRanks: Set = [
        "tokens_per_second", "seconds", "compute_fraction", "communication_fraction", "ranks",
        "slowest_rank", "slowest_rank_seconds", "median_rank_seconds", "fastest_rank_seconds",
    ]
    private static let bytesOfTimesAndRanks = timesAndRanks.map { Array($0.utf8) }

    /// A readable line: its bytes, and, if it needs no parsing, the bytes to compare.
    private struct MetricsLine {
        let bytes: [UInt8]
        let compared: [UInt8]?

        /// nil for an unreadable line.
        init?(_ line: [UInt8]) {
            bytes = line
            compared = line.withUnsafeBufferPointer {
                MetricsLines.members(of: $0, without: RunComparison.bytesOfTimesAndRanks)
            }
            if compared == nil, json == nil { return nil }
        }

        var json: JSONValue? { bytes.withUnsafeBytes { try? JSONValue(parsing: $0) } }

        func isSame(as other: MetricsLine) -> Bool {
            if bytes == other.bytes { return true }
            guard let compared, let otherCompared = other.compared else { return false }
            return compared == otherCompared
        }
    }

    private static func next(_ lines: inout MetricsLines) throws -> MetricsLine? {
        while try lines.next() {
            if let line = MetricsLine(lines.line) { return line }
        }
        return nil
    }

    private mutating func compareMetrics(_ first: RunDirectory, _ second: RunDirectory) throws {
        var lines = try (MetricsLines(of: first.metricsPath), MetricsLines(of: second.metricsPath))
        var count = 0
        while true {
            let (one, other) = try (Self.next(&lines.0), Self.next(&lines.1))
            guard let one, let other else {
                guard let longer = one ?? other else { break }
                let shorter = one == nil ? first : second
                differences.append(
                    "metrics end earlier in \(shorter.path), before \(Self.location(longer.json ?? .null))")
                return
            }
            if !one.isSame(as: other), let difference = Self.difference(one.json ?? .null, other.json ?? .null) {
                differences.append("metrics differ at \(difference)")
                return
            }
            count += 1
        }
        equal.append("metrics: \(count) lines")
    }

    /// The first key whose values differ; nil if none do.
    private static func difference(_ one: JSONValue, _ other: JSONValue) -> String? {
        let members = [one, other].map { ($0.members ?? []).filter { !timesAndRanks.contains($0.key) } }
        for (key, value) in members[0] where other[key]?.text != value.text {
            return
                "\(location(one)): \(shown(key)) is \(shown(value.text)) and \(other[key].map { shown($0.text) } ?? "missing")"
        }
        guard let more = members[1].first(where: { one[$0.key] == nil }) else { return nil }
        return "\(location(one)): \(shown(more.key)) is missing and \(shown(more.value.text))"
    }

    private static func location(_ line: JSONValue) -> String {
        "step \(shown(line["step"]?.text ?? "?")) (\(shown(line["split"]?.stringValue ?? "?")))"
    }

    // MARK: - Checkpoints

    private mutating func compareCheckpoints(_ first: RunDirectory, _ second: RunDirectory) throws {
        let steps = try (first.checkpointSteps(), second.checkpointSteps())
        let common = steps.0.filter(steps.1.contains)
        if steps.0.last != steps.1.last {
            differences.append(
                "the last checkpoint is of \(Self.described(steps.0.last)) and of \(Self.described(steps.1.last))")
        }
        for step in common {
            let found = differences.count
            try compare(
                Checkpoint(path: first.checkpointPath(ofStep: step)),
                Checkpoint(path: second.checkpointPath(ofStep: step)))
            if differences.count > found { return }
        }
    }

    private static func described(_ step: Int?) -> String { step.map { "step \($0)" } ?? "no step" }

    private mutating func compare(_ first: Checkpoint, _ second: Checkpoint) throws {
        let location = "step \(first.state.step)"
        if first.state.step != second.state.step {
            differences.append("the checkpoints are of \(location) and of step \(second.state.step)")
        } else if first.state.epoch != second.state.epoch || first.state.position != second.state.position {
            differences.append(
                "\(location): epoch \(first.state.epoch), step \(first.state.position) of it, and epoch "
                    + "\(second.state.epoch), step \(second.state.position) of it")
        }
        for name in RunNames.artifacts {
            func text(_ checkpoint: Checkpoint) -> String? { checkpoint.artifacts.first { $0.name == name }?.text }
            if text(first) != text(second) { differences.append("\(location): \(name) differs") }
        }
        try compare(first.model, second.model, "\(location), weights")
        try compare(first.training, second.training, "\(location), training state")
    }

    /// Compares tensor by tensor; describes the first that differs.
    private mutating func compare(_ first: SafetensorsFile, _ second: SafetensorsFile, _ location: String) throws {
        guard first.names == second.names else {
            let lone =
                first.names.first { !second.names.contains($0) } ?? second.names.first { !first.names.contains($0) }
            differences.append(
                "\(location): " + (lone.map { "only one has \(shown($0))" } ?? "the tensors' order differs"))
            return
        }
        var count = 0
        var differing: [String] = []
        for name in first.names {
            let shapes = [first, second].map { $0.shape(of: name) ?? [] }
            guard shapes[0] == shapes[1] else {
                differing.append("\(shown(name)) is \(shapes[0]) and \(shapes[1])")
                continue
            }
            count += first.count(of: name) ?? 0
            if let difference = try Self.difference(first, second, name) {
                differing.append("\(shown(name)) \(difference)")
            }
        }
        if let worst = differing.first {
            let more = differing.count > 1 ? "; \(differing.count) of \(first.names.count) tensors differ" : ""
            differences.append("\(location): \(worst)\(more)")
        } else {
            equal.append("\(location): \(count) values of \(first.names.count) tensors")
        }
    }

    /// Describes the difference of a tensor that has the same shape in both; read piece by piece.
    private static func difference(_ first: SafetensorsFile, _ second: SafetensorsFile, _ name: String) throws
        -> String?
    {
        let count = first.count(of: name) ?? 0
        let pieces = [0, 1].map { _ in UnsafeMutableBufferPointer<Float>.allocate(capacity: min(count, pieceSize)) }
        defer { for piece in pieces { piece.deallocate() } }
        var differing = 0
        var beginning = ""
        for done in stride(from: 0, to: count, by: pieceSize) {
            let range = ..<min(pieceSize, count - done)
            for (file, piece) in zip([first, second], pieces) {
                try file.read(name, from: done, into: .init(rebasing: piece[range]))
            }
            for index in 0..<range.upperBound where pieces[0][index].bitPattern != pieces[1][index].bitPattern {
                if differing == 0 { beginning = "\(done + index): \(pieces[0][index]) and \(pieces[1][index])" }
                differing += 1
            }
        }
        return differing == 0 ? nil : "differs in \(differing) of \(count) values, first at \(beginning)"
    }

    /// Values of a tensor in memory at a time.
    private static let pieceSize = 1 << 18
}
