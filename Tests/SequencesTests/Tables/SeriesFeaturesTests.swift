import Sequences
import System
import TestSupport
import Testing

@Suite("Features of series")
struct SeriesFeaturesTests {
    /// Two sequences of two channels; the second channel has gaps.
    private func table(_ values: [[Float]] = [[1, 10, 2, .nan, 3, 30], [6, .nan]]) throws -> SequenceTable {
        var table = SequenceTable()
        for (line, sequence) in values.enumerated() {
            try table.append(
                values: sequence, channels: 2, SequenceTable.Labels(),
                at: SequenceTable.Place(path: "a.ts", line: line + 1))
        }
        return table
    }

    private func inputs(_ missing: MissingValues, _ scaling: Scaling) throws -> [[Float]] {
        let table = try table()
        let features = try SeriesFeatures(table, [0, 1], missing, scaling)
        // What a checkpoint keeps of them is all of them.
        let read = try SeriesFeatures(features.artifact)
        #expect(read == features)
        return try (0..<table.count).map { try read.inputs(of: $0, in: table) }
    }

    @Test("a missing value is the mean, the last value, or the mean beside an indicator")
    func missing() throws {
        #expect(try inputs(.mean, .none) == [[1, 10, 2, 20, 3, 30], [6, 20]])
        #expect(try inputs(.carry, .none) == [[1, 10, 2, 10, 3, 30], [6, 20]])
        #expect(try inputs(.indicator, .none) == [[1, 10, 0, 2, 20, 1, 3, 30, 0], [6, 20, 1]])
    }

    @Test("channels are scaled by the training data")
    func scaling() throws {
        // Channel 1: 1, 2, 3, 6: mean 3, variance 3.5. Channel 2: 10, 30: mean 20, deviation 10.
        let standard = try inputs(.mean, .standard)
        let deviation = Float(3.5.squareRoot())
        #expect(standard[0].count == 6)
        #expect(zip(standard[0], [-2 / deviation, -1, -1 / deviation, 0, 0, 1]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(try inputs(.mean, .minmax) == [[0, 0, 0.2, 0.5, 0.4, 1], [1, 0.5]])
    }

    @Test("only the training part defines the scaling")
    func fit() throws {
        let table = try table()
        let features = try SeriesFeatures(table, [0], .mean, .minmax)
        #expect(try features.inputs(of: 1, in: table) == [2.5, 0.5])
    }

    @Test("a constant channel becomes 0, and a channel without gaps has no indicator")
    func constant() throws {
        let table = try table([[5, 1, 5, 2], [5, 3]])
        let features = try SeriesFeatures(table, [0, 1], .indicator, .standard)
        #expect(features.width == 2)
        #expect(try features.inputs(of: 0, in: table).count == 4)
        #expect(try features.inputs(of: 0, in: table).enumerated().allSatisfy { $0 % 2 == 1 || $1 == 0 })
    }

    @Test(
        "a missing value that is refused, a channel without values and values out of range are errors with their place")
    func errors() throws {
        let table = try table()
        let features = try SeriesFeatures(table, [0, 1], .refuse, .none)
        #expect(
            errorText { _ = try features.inputs(of: 0, in: table) }
                == "a.ts, line 1: found a missing value in channel 2 at time step 2; accepted: all values, or "
                + "data.missing: mean, carry or indicator")
        #expect(
            errorText { _ = try SeriesFeatures(self.table([[1, .nan], [2, .nan]]), [0, 1], .mean, .none) }
                == "a.ts: found no value at all in channel 2 of the training data; accepted: at least one value in each "
                + "channel")
        let tiny = try self.table([[0, 0, 1e-38, 1], [3e38, 1]])
        let fitted = try SeriesFeatures(tiny, [0], .mean, .minmax)
        #expect(
            errorText { _ = try fitted.inputs(of: 1, in: tiny) }
                == "a.ts, line 2: found 3e+38 in channel 1 at time step 1, far from the training data; accepted: values "
                + "that data.scaling can scale to a Float")
    }

    @Test(
        "a scaling.json of another program is refused",
        arguments: [
            "{}", #"{"format_version":1,"missing":"none","channels":[]}"#,
            #"{"format_version":1,"missing":"mean","channels":[{"offset":0,"factor":1}]}"#,
            #"{"format_version":1,"missing":"indicator","channels":[{"offset":0,"factor":1,"mean":0,"indicator":7}]}"#,
        ])
    func files(text: String) {
        let message = errorText { _ = try SeriesFeatures(Artifact("scaling.json", text, place: "x/scaling.json")) }
        #expect(
            message.hasPrefix("x/scaling.json: found ")
                && message.hasSuffix("; accepted: a scaling.json of a checkpoint"))
    }
}
