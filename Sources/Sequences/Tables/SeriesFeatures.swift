import FileFormats
package import System

/// How values of series become a model's inputs: scaled by the training data, without gaps. Belongs to the trained
/// model, as scaling.json.
package struct SeriesFeatures: Equatable {
    static let name = "scaling.json"

    /// Input = (value - offset) · factor.
    private struct Channel: Equatable {
        var offset: Double
        var factor: Double
        /// The mean of the training data, in the unit of the values.
        var mean: Double
        /// The index of the feature that is 1 where its value is missing; nil for a channel without one.
        var indicator: Int?
    }

    private let missing: MissingValues
    private var channels: [Channel]
    /// Inputs of a time step.
    package private(set) var width: Int

    var channelCount: Int { channels.count }

    /// Fits them to training data.
    ///
    /// - Throws: a `TableError` for a channel without any value, or one so large that it can't be scaled.
    package init(_ table: SequenceTable, _ sequences: [Int], _ missing: MissingValues, _ scaling: Scaling)
        throws(TableError)
    {
        self.missing = missing
        channels = []
        width = table.channels
        for channel in 0..<table.channels {
            var (count, gaps, sum, least, most) = (0, 0, 0.0, Double.infinity, -Double.infinity)
            func forEachValue(_ body: (Double) -> Void) {
                for sequence in sequences {
                    for step in table.steps(of: sequence) {
                        let value = table.values[step * table.channels + channel]
                        if !value.isNaN { body(Double(value)) } else { gaps += 1 }
                    }
                }
            }
            forEachValue {
                count += 1
                sum += $0
                least = min(least, $0)
                most = max(most, $0)
            }
            guard count > 0 else {
                let place = sequences.first.map { table.places[$0] }
                throw TableError(
                    path: place?.path ?? "", found: "no value at all in channel \(channel + 1) of the training data",
                    accepted: "at least one value in each channel")
            }
            let (mean, hasGaps) = (sum / Double(count), gaps > 0)
            var squares = 0.0
            forEachValue { squares += ($0 - mean) * ($0 - mean) }
            let (offset, range) =
                switch scaling {
                case .none: (0.0, 1.0)
                case .standard: (mean, (squares / Double(count)).squareRoot())
                case .minmax: (least, most - least)
                }
            // A constant channel has no information; scaled, it would be 0/0.
            var indicator: Int?
            if missing == .indicator, hasGaps {
                indicator = width
                width += 1
            }
            channels.append(
                Channel(offset: offset, factor: range > 0 ? 1 / range : 1, mean: mean, indicator: indicator))
        }
    }

    /// The inputs of one sequence, `[time steps, width]`.
    ///
    /// - Throws: a `TableError` for a missing value that is refused, and for one that is not a finite Float when it is
    ///   scaled.
    package func inputs(of sequence: Int, in table: SequenceTable) throws(TableError) -> [Float] {
        let steps = table.steps(of: sequence)
        var inputs = [Float](repeating: 0, count: steps.count * width)
        for (number, channel) in channels.enumerated() {
            var last = channel.mean
            for (t, step) in steps.enumerated() {
                var value = Double(table.values[step * table.channels + number])
                if value.isNaN {
                    guard missing != .refuse else {
                        throw TableError(
                            table.places[sequence],
                            found: "a missing value in channel \(number + 1) at time step \(t + 1)",
                            accepted: "all values, or data.missing: mean, carry or indicator")
                    }
                    if let indicator = channel.indicator { inputs[t * width + indicator] = 1 }
                    value = missing == .carry ? last : channel.mean
                }
                last = value
                let input = Float((value - channel.offset) * channel.factor)
                guard input.isFinite else {
                    throw TableError(
                        table.places[sequence],
                        found:
                            "\(Float(value)) in channel \(number + 1) at time step \(t + 1), far from the training data",
                        accepted: "values that data.scaling can scale to a Float")
                }
                inputs[t * width + number] = input
            }
        }
        return inputs
    }

    // MARK: - File

    private static let formatVersion = 1

    package var artifact: Artifact {
        let json: JSONValue = [
            "format_version": .integer(Self.formatVersion), "missing": .string(missing.rawValue),
            "channels": .array(
                channels.map { channel in
                    [
                        "offset": .number(channel.offset), "factor": .number(channel.factor),
                        "mean": .number(channel.mean), "indicator": channel.indicator.map { .integer($0) } ?? .null,
                    ]
                }),
        ]
        return Artifact(Self.name, json.text)
    }

    /// Reads a file of `artifact`.
    package init(_ artifact: Artifact) throws {
        func refusal(_ found: String) -> TableError {
            TableError(path: artifact.place, found: found, accepted: "a scaling.json of a checkpoint")
        }
        let json = try JSONValue(parsing: artifact.text, from: artifact.place)
        guard json["format_version"]?.integerValue == Self.formatVersion else {
            throw refusal("format_version \(shown(json["format_version"]?.text ?? "missing"))")
        }
        guard let missing = json["missing"]?.stringValue.flatMap({ MissingValues(rawValue: $0) }),
            let list = json["channels"]?.arrayValue, !list.isEmpty
        else { throw refusal("no rule for missing values, or no channels") }
        self.missing = missing
        width = list.count
        channels = []
        for (number, item) in list.enumerated() {
            func figure(_ key: String) throws -> Double {
                guard let value = item[key]?.numberValue, value.isFinite else {
                    throw refusal("a \(key) of channel \(number + 1) that is missing or not a number")
                }
                return value
            }
            var indicator: Int?
            if let found = item["indicator"], found != .null {
                guard found.integerValue == width else { throw refusal("indicator \(shown(found.text)), not \(width)") }
                indicator = width
                width += 1
            }
            channels.append(
                Channel(
                    offset: try figure("offset"), factor: try figure("factor"), mean: try figure("mean"),
                    indicator: indicator))
        }
    }
}
