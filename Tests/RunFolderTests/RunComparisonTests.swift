import FileFormats
import Foundation
import RunFolder
import TestSupport
import Testing

/// Two runs, `a` and `b`, with equal results.
@Suite struct RunComparisonTests {
    private let a: CheckpointMaker
    private let b: CheckpointMaker

    init() throws {
        (a, b) = try (CheckpointMaker(), CheckpointMaker())
        for run in [a, b] {
            try run.folder.write(Self.metrics(seconds: run.folder === a.folder ? 1 : 2), to: "runs/x/metrics.jsonl")
            for step in [3, 5] { try run.write(step, vocabulary: "[]") }
        }
    }

    private static func metrics(seconds: Int, last: String = "0.25") -> String {
        """
        {"split":"train","step":3,"loss":0.5,"seconds":\(seconds),"ranks":\(seconds)}
        {"split":"train","step":5,"loss":\(last),"seconds":\(seconds + 1),"ranks":\(seconds)}

        """
    }

    private func compare() throws -> RunComparison { try RunComparison(a.run.path, b.run.path) }

    @Test("two runs that computed the same are equal, whatever their times and ranks")
    func equal() throws {
        let comparison = try compare()
        #expect(comparison.differences == [])
        #expect(comparison.areEqual)
        #expect(
            comparison.equal == [
                "metrics: 2 lines", "step 3, weights: 3 values of 1 tensors",
                "step 3, training state: 2 values of 1 tensors", "step 5, weights: 3 values of 1 tensors",
                "step 5, training state: 2 values of 1 tensors",
            ])
    }

    @Test("a figure that differs in its last digit is named with its step")
    func otherFigure() throws {
        try b.folder.write(Self.metrics(seconds: 1, last: "0.25000003"), to: "runs/x/metrics.jsonl")
        #expect(try compare().differences == ["metrics differ at step 5 (train): loss is 0.25 and 0.25000003"])
    }

    @Test("lines that differ only in notation are equal; lines that can't be read are ignored")
    func otherSpelling() throws {
        let text = Self.metrics(seconds: 7).replacing(",", with: ", ").replacing("{", with: "torn\n{")
        try b.folder.write(text, to: "runs/x/metrics.jsonl")
        #expect(try compare().differences == [])
        #expect(try compare().equal.first == "metrics: 2 lines")
    }

    @Test("a line that only one run has is named")
    func missingLine() throws {
        try b.folder.write(
            Self.metrics(seconds: 1).split(separator: "\n")[0] + "\n", to: "runs/x/metrics.jsonl")
        #expect(try compare().differences == ["metrics end earlier in \(b.run.path), before step 5 (train)"])
    }

    @Test("the first checkpoint with a different number is named, with the tensor and the index")
    func otherWeights() throws {
        try b.write(3, scale: 1.5, vocabulary: "[]")
        #expect(
            try compare().differences == [
                "step 3, weights: output.weight differs in 1 of 3 values, first at 0: 3.0 and 4.5"
            ])
    }

    @Test("zero and negative zero differ")
    func zeros() throws {
        // The weights end with -0.0, whose sign is the last byte's highest bit.
        try b.folder.flipBit(b.place("step-00000005/model.safetensors"), fromEnd: 1, bit: 7)
        #expect(
            try compare().differences == [
                "step 5, weights: output.weight differs in 1 of 3 values, first at 2: -0.0 and 0.0"
            ])
    }

    @Test("a run with more steps is not equal")
    func further() throws {
        try b.write(8, vocabulary: "[]")
        #expect(try compare().differences == ["the last checkpoint is of step 5 and of step 8"])
    }

    @Test("two empty runs are not equal")
    func nothing() throws {
        let (a, b) = try (CheckpointMaker(), CheckpointMaker())
        for run in [a, b] {
            try FileManager.default.createDirectory(
                atPath: run.run.checkpointsPath, withIntermediateDirectories: true)
            try run.folder.write("", to: "runs/x/metrics.jsonl")
        }
        #expect(
            try RunComparison(a.run.path, b.run.path).differences == [
                "there is nothing to compare: no line of metrics and no checkpoint"
            ])
    }

    @Test("two checkpoints are compared without their runs")
    func checkpoints() throws {
        let (one, other) = (a.folder.file(a.place("step-00000003")), b.folder.file(b.place("step-00000003")))
        #expect(try RunComparison(one, other).areEqual)
        let later = b.folder.file(b.place("step-00000005"))
        #expect(
            try RunComparison(one, later).differences == [
                "the checkpoints are of step 3 and of step 5",
                "step 3, weights: output.weight differs in 1 of 3 values, first at 0: 3.0 and 5.0",
                "step 3, training state: optimizer.moment differs in 1 of 2 values, first at 1: 3.0 and 5.0",
            ])
    }

    @Test("a path that isn't a run is named")
    func noRun() throws {
        let text = errorText(in: a.folder) { _ = try RunComparison(a.run.path, a.folder.file("nothing")) }
        #expect(text.contains("nothing"))
    }
}
