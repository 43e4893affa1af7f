import FileFormats
package import System

/// JSON Lines: an object on each line, with a sequence's `values`, `text` or `tokens`, and perhaps its
/// `label`, or the `labels` of its time steps or tokens; other keys are ignored.
///
///     {"values": [[0.5, 1], [0.25, null]], "label": "yes"}     2 time steps of 2 channels, one value missing
///     {"values": [1, 2, 3], "label": 0}                        3 time steps of 1 channel
///     {"text": "play some music", "label": "PlayMusic"}
///     {"tokens": ["play", "Yesterday"], "labels": ["O", "B-track"]}
package enum JSONLinesReader: SequenceReader {
    package static let format = "jsonl"
    package static let endings = ["jsonl", "ndjson"]

    package static func read(_ file: MappedFile, into table: inout SequenceTable) throws(TableError) {
        let first = table.count
        for line in TextLines(file.bytes) where !line.trimmed.isEmpty {
            let place = SequenceTable.Place(path: file.path, line: line.line)
            let object = try JSONLine(line, place)
            try object.append(to: &table)
        }
        guard table.count > first else {
            throw TableError(path: file.path, found: "no line with an object", accepted: "at least one")
        }
    }
}

/// One line.
private struct JSONLine {
    private let json: JSONValue
    private let place: SequenceTable.Place

    private static let contents = ["values", "text", "tokens"]

    init(_ line: TextLines.Field, _ place: SequenceTable.Place) throws(TableError) {
        self.place = place
        do {
            json = try JSONValue(exactly: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: line.bytes)))
        } catch {
            throw TableError(
                path: place.path, line: place.line, column: error.offset + 1, found: "invalid JSON: \(error.problem)",
                accepted: "an object on each line")
        }
        guard json.members != nil else {
            throw TableError(
                path: place.path, line: place.line, column: line.trimmed.column, found: "no object",
                accepted: "an object on each line")
        }
    }

    private func error(_ found: String, _ accepted: String) -> TableError {
        TableError(place, found: found, accepted: accepted)
    }

    func append(to table: inout SequenceTable) throws(TableError) {
        let keys = Self.contents.filter { json[$0] != nil }
        guard keys.count == 1, let content = json[keys[0]] else {
            throw error(
                keys.isEmpty ? "an object without values, text or tokens" : "both \(keys.joined(separator: " and "))",
                "one of values, text, tokens")
        }
        let labels = SequenceTable.Labels(ofSequence: try label(), ofSteps: try stepLabels())
        switch keys[0] {
        case "values":
            let (values, channels) = try values(content)
            try table.append(values: values, channels: channels, labels, at: place)
        case "text":
            guard let text = content.stringValue else { throw error("text that is not a string", "a string") }
            try table.append(.text(text), labels, at: place)
        default:
            let tokens = content.arrayValue?.compactMap(\.stringValue) ?? []
            guard !tokens.isEmpty, tokens.count == content.arrayValue?.count, !tokens.contains("") else {
                throw error("tokens that are not a list of non-empty strings", "a list of at least one string")
            }
            try table.append(.tokens(tokens), labels, at: place)
        }
    }

    private func label() throws(TableError) -> String? {
        guard let value = json["label"], value != .null else { return nil }
        guard let label = text(ofLabel: value) else {
            throw error("the label \(shown(value.text))", "a text, a whole number, true or false, or null")
        }
        return label
    }

    private func stepLabels() throws(TableError) -> [String] {
        guard let list = json["labels"], list != .null else { return [] }
        let labels = list.arrayValue?.map { text(ofLabel: $0) } ?? [nil]
        guard !labels.contains(nil) else {
            throw error("labels \(shown(list.text))", "a list of texts, whole numbers, true or false")
        }
        return labels.compactMap { $0 }
    }

    private func text(ofLabel value: JSONValue) -> String? {
        switch value {
        case .string(let text): text.isEmpty ? nil : text
        case .integer(let number): "\(number)"
        case .boolean(let flag): "\(flag)"
        default: nil
        }
    }

    /// `[time steps, channels]`; a list of numbers has one channel.
    private func values(_ list: JSONValue) throws(TableError) -> (values: [Float], channels: Int) {
        let steps = list.arrayValue ?? []
        guard let first = steps.first else {
            throw error("values that are not a list with elements", "a list of at least one time step")
        }
        let channels = first.arrayValue?.count ?? 1
        guard channels > 0 else { throw error("no value at time step 1", "at least one channel") }
        var values: [Float] = []
        for (t, step) in steps.enumerated() {
            let row = step.arrayValue ?? [step]
            guard row.count == channels else {
                throw error("\(counted(row.count, "value")) at time step \(t + 1)", "\(channels), as at time step 1")
            }
            for value in row {
                let number = value == .null ? Float.nan : value.numberValue.map { Float($0) } ?? .infinity
                guard !number.isInfinite else {
                    throw error(
                        "\(shown(value.text, limit: 30)) at time step \(t + 1)",
                        "a number in the range of Float, or null for a missing value")
                }
                values.append(number)
            }
        }
        return (values, channels)
    }
}
