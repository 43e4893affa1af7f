package import ConfigFile
import Kernels
import Optimization
import Recurrent
import Reduction
import Sequences
import System
import Tensors

/// The resources that training would need, determined without training: for `config check` on a login node.
package struct DryRunReport {
    private let memory: MemoryEstimate
    private let checkpointBytes: Double
    private let freeBytes: Double?
    /// The lines of the report, in order.
    package let lines: [(title: String, value: String)]

    /// Opens all splits of the data.
    package init(_ configuration: Configuration, ranks: Int) throws {
        try ConfigurationTable.check(configuration)
        let options = TrainingConfiguration(configuration)
        let data = try TaskTable.load(configuration, options.dataRequest)
        guard let source = data.training else { preconditionFailure("training was asked for") }
        _ = try Metric.chosen(configuration, for: data.task)
        let sizes = NetworkConfiguration(configuration, task: data.task.shape)
        let slots = UpdateRuleTable.rule(configuration).slots.count
        let keepsOutputs = data.task.criterion != nil
        let scoring = data.validation.map {
            ScoringMemory(sizes, data.task, $0, ranks: options.validatesAtRoot ? 1 : ranks)
        }
        func estimate(sharedBy sharing: Int) -> MemoryEstimate {
            MemoryEstimate(
                sizes, options, source, slots: slots, ranks: ranks, sharedBy: sharing, keepsOutputs: keepsOutputs,
                scoring: scoring)
        }
        let shared = estimate(sharedBy: ranks)
        memory = estimate(sharedBy: 1)
        let parameters = sizes.layout.parameterCount
        checkpointBytes = Double(parameters * MemoryLayout<Float>.stride * (1 + slots))
        freeBytes = DiskSpace.free(at: ".")
        let steps = options.totalSteps(stepsPerEpoch: source.stepsPerEpoch)
        let tokens = Double(steps) * Double(source.rows(inStep: 0)) * Double(source.longestWindow)
        let seconds = tokens * sizes.flopsPerToken / (Self.measuredFlops(sizes) * Double(ranks))

        var lines = [
            ("task", configuration.text("task")),
            (
                "model",
                "\(sizes.description), \(grouped(parameters)) parameters"
            ),
        ]
        if let vocabulary = data.vocabulary { lines.append(("vocabulary", "\(grouped(vocabulary.count)) tokens")) }
        for (split, paths) in data.files {
            lines.append(("\(split) data", paths.map(shownPath).joined(separator: ", ")))
        }
        for note in data.notes { lines.append(("note", note)) }
        let shares = (0..<ranks).map { Shard.rows(source.rows(inStep: 0), part: $0, of: ranks).count }
        let (most, least) = (shares.max() ?? 0, shares.min() ?? 0)
        lines += [
            (
                "batch",
                "\(counted(options.batch, "sequence")) on \(counted(ranks, "rank")): \(most == least ? "\(most)" : "\(least) to \(most)") each"
            ),
            ("steps", "\(grouped(steps)), \(grouped(source.stepsPerEpoch)) an epoch"),
            (
                "memory",
                "about \(byteCount(memory.totalBytes)) a rank"
                    + (ranks > 1 && options.reduction.averaging == .auto
                        ? ", or \(byteCount(shared.totalBytes)) where all ranks share a host" : "")
            ),
            (
                "disk",
                "about \(byteCount(checkpointBytes)) a checkpoint, \(options.checkpointsKept + 1) of them; free here: "
                    + (freeBytes.map { byteCount($0) } ?? "unknown")
            ),
            ("time", "very roughly \(duration(seconds)) with \(counted(ranks, "core")) like this, without validation"),
        ]
        if least == 0 {
            lines.append(
                ("warning", "some ranks would have no work: the batch has fewer sequences than there are ranks"))
        }
        self.lines = lines
    }

    /// - Throws: a `CommandError` if memory or disk space is insufficient.
    package func check() throws {
        try memory.check()
        if let freeBytes, freeBytes < 2 * checkpointBytes {
            throw CommandError.usage(
                "not enough disk space: \(byteCount(freeBytes)) free, two checkpoints need "
                    + "\(byteCount(2 * checkpointBytes))")
        }
    }

    /// Floating-point operations per second of one core of this machine, in a product with weights of this model's
    /// width.
    private static func measuredFlops(_ sizes: NetworkConfiguration) -> Double {
        let H = min(sizes.hiddenSize, 1024)
        let rows = 16
        let a = FloatBlock(count: rows * H)
        let panels = FloatBlock(count: H * wholeVectors(H))
        let result = FloatBlock(count: rows * H)
        let start = secondsNow()
        var count = 0
        repeat {
            multiply(
                rows: rows, LeftFactor(rows: a.pointer, pitch: H, count: H), panels: panels.pointer, columns: H,
                start: .zero, into: ResultRows(result.pointer, pitch: H), rowsAtOnce: rows)
            count += 1
        } while secondsNow() - start < 0.1
        return 2 * Double(rows * H * H * count) / (secondsNow() - start)
    }
}
