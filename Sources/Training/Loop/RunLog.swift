import FileFormats
import Glibc
package import JobControl
package import RunFolder
package import Sequences
import System

/// The root's log of a training: metrics.jsonl, and the lines and the progress on the terminal.
package final class RunLog {
    private let console: Console
    private let metrics: MetricsFile
    private let task: any SequenceTask
    /// The host of each rank.
    private let hosts: [String]
    private let totalSteps: Int
    private let started = secondsNow()
    private var lineStarted = secondsNow()
    private var lastShown = -Double.infinity
    private var lastStragglers = -Double.infinity
    /// Whether lines are kept in memory because the file can't be written.
    private var isBehind = false
    /// Since the last train line, excluding validations and checkpoints.
    private var tokens = 0
    private var computeSeconds = 0.0
    private var communicationSeconds = 0.0
    private var pausedSeconds = 0.0
    /// Sums over the whole session, for the estimate of the remaining time.
    private var stepSeconds = 0.0
    private var stepsTimed = 0

    package init(_ console: Console, _ metrics: MetricsFile, task: any SequenceTask, hosts: [String], totalSteps: Int) {
        self.console = console
        self.metrics = metrics
        self.task = task
        self.hosts = hosts
        self.totalSteps = totalSteps
    }

    /// Runs `body`, which is not training (a validation, a checkpoint): its time doesn't count in tokens per second.
    package func pausing<R>(_ body: () throws -> R) rethrows -> R {
        let start = secondsNow()
        defer { pausedSeconds += secondsNow() - start }
        return try body()
    }

    /// Records a step; with `writes`, writes its train line.
    ///
    /// - Parameters:
    ///   - skipped: steps without an update so far.
    ///   - stragglers: since the previous train line.
    package func step(_ summary: Trainer.StepSummary, step: Int, skipped: Int, stragglers: Stragglers?, writes: Bool) {
        tokens += summary.tokens
        let computed = summary.computeSeconds + summary.updateSeconds
        computeSeconds += computed
        communicationSeconds += summary.communicationSeconds
        stepSeconds += computed + summary.communicationSeconds
        stepsTimed += 1
        guard writes else { return }
        let now = secondsNow()
        let elapsed = max(now - lineStarted - pausedSeconds, 1e-9)
        let rate = Double(tokens) / elapsed
        var line = Self.figures("train", step: step, epoch: summary.epoch, loss: summary.loss)
        line += taskMetrics(loss: summary.loss)
        line += [
            ("learning_rate", .number(summary.learningRate)),
            ("gradient_norm", .float(Float(summary.gradientNorm))),
            ("tokens_per_second", .float(Float(rate))),
            ("seconds", .number(rounded(now - started))),
            ("compute_fraction", .float(Float(computeSeconds / elapsed))),
            ("communication_fraction", .float(Float(communicationSeconds / elapsed))),
            ("ranks", .integer(hosts.count)),
        ]
        if let stragglers, stragglers.differ {
            line += [
                ("slowest_rank", .integer(stragglers.slowest.rank)),
                ("slowest_rank_seconds", .float(Float(stragglers.slowest.seconds))),
                ("median_rank_seconds", .float(Float(stragglers.median))),
                ("fastest_rank_seconds", .float(Float(stragglers.fastest.seconds))),
            ]
            show(stragglers, step: step, now: now)
        }
        if skipped > 0 { line.append(("skipped_steps", .integer(skipped))) }
        append(line)
        show(summary, step: step, tokensPerSecond: rate, now: now)
        lineStarted = now
        (tokens, computeSeconds, communicationSeconds, pausedSeconds) = (0, 0, 0, 0)
    }

    /// Returns once all lines are on the disk.
    package func sync() throws { try metrics.sync() }

    /// A file that can't be written does not end training: it is reported once, and the lines are kept.
    private func append(_ line: [(key: String, value: JSONValue)]) {
        do {
            try metrics.append(.object(line))
            if isBehind { console.info("\(metrics.path) is writable again; no line is missing") }
            isBehind = false
        } catch {
            if !isBehind {
                console.warning(
                    "\(error) Training continues; the lines are kept in memory and written in order as soon as possible."
                )
            }
            isBehind = true
        }
    }

    /// Writes a validation or test line.
    package func score(_ split: String, _ score: Evaluator.Score, step: Int, epoch: Int, isBest: Bool) {
        var line = Self.figures(split, step: step, epoch: epoch, loss: score.loss)
        line += score.metrics.map { ($0.name, .float(Float($0.value))) }
        line += [("seconds", .number(rounded(secondsNow() - started))), ("ranks", .integer(hosts.count))]
        append(line)
        let shown = score.metrics.map { "\($0.name) \(format($0.value))" }.joined(separator: "  ")
        console.info(
            "step \(step)  epoch \(epoch)  \(split) loss \(format(score.loss))  \(shown)\(isBest ? "  (best so far)" : "")"
        )
    }

    private static func figures(
        _ split: String, step: Int, epoch: Int, loss: Double
    ) -> [(key: String, value: JSONValue)] {
        [
            ("split", .string(split)), ("step", .integer(step)), ("epoch", .integer(epoch)),
            ("loss", .float(Float(loss))),
        ]
    }

    /// The metrics of a train line: only those that follow from the loss.
    private func taskMetrics(loss: Double) -> [(key: String, value: JSONValue)] {
        guard task.sumCount == 0 else { return [] }
        return task.metrics(loss: loss, sums: []).map { ($0.name, .float(Float($0.value))) }
    }

    /// At most one line a minute.
    private func show(_ stragglers: Stragglers, step: Int, now: Double) {
        guard now - lastStragglers >= 60 else { return }
        lastStragglers = now
        func rank(_ rank: Int) -> String { "rank \(rank) on \(rank < hosts.count ? hosts[rank] : "an unnamed host")" }
        func time(_ seconds: Double) -> String { "\(format(1e3 * seconds)) ms" }
        console.info(
            "step \(step): load imbalance: slowest \(rank(stragglers.slowest.rank)), \(time(stragglers.slowest.seconds)) "
                + "compute per step (max \(time(stragglers.longest))), median \(time(stragglers.median)), fastest "
                + "\(rank(stragglers.fastest.rank)), \(time(stragglers.fastest.seconds))")
    }

    /// At most one line a second, or the progress line.
    private func show(_ summary: Trainer.StepSummary, step: Int, tokensPerSecond: Double, now: Double) {
        guard now - lastShown >= 1 || step == totalSteps else { return }
        lastShown = now
        let left = stepSeconds / Double(stepsTimed) * Double(totalSteps - step)
        let parts = [
            "step \(step)/\(totalSteps)", "epoch \(summary.epoch)", "loss \(format(summary.loss))",
            "rate \(format(summary.learningRate))", "\(grouped(Int(tokensPerSecond))) tokens/s",
            "ETA \(duration(left))",
        ]
        if let progress = console.progress {
            progress(ProgressLine.fitted(parts))
        } else {
            console.info(parts.joined(separator: ProgressLine.separator))
        }
    }
}

private func rounded(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }
