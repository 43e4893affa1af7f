package import FileFormats
import System

/// The status of a run, read from its folder.
package struct RunStatus {
    private let outcome: Outcome?
    private let presence: RunLock.Presence?
    private let failure: Failure?
    private let stopRequest: StopRequest?
    private let latest: Int?
    private let best: Int?
    private let lastLines: [String: JSONValue]

    /// - Throws: `RunFolderError` if `path` is not a run folder.
    package init(of path: String) throws {
        let run = try RunDirectory.existing(path)
        // A job writes outcome.json before it releases the lock; reading in the opposite order keeps a clean exit from
        // looking like a crash.
        presence = RunLock.presence(in: run)
        outcome = try run.readOutcome()
        failure = try? run.readFailure()
        stopRequest = run.readStopRequest()
        latest = run.latestStep
        best = run.bestStep
        lastLines = (try? MetricsFile.lastLines(of: run.metricsPath)) ?? [:]
    }

    /// The state of outcome.json; `died` if that is running and no live holder is found; `new` before there is one.
    private var state: String {
        if isSilent { return "died" }
        guard let outcome else { return presence == nil ? "new" : "running" }
        return outcome.state == .running && presence == nil ? "died" : outcome.state.rawValue
    }

    /// The holder is not visible from here and its heartbeat is overdue: it may be dead.
    private var isSilent: Bool { presence?.isDoubtful ?? false && outcome?.state ?? .running == .running }

    /// The last known step.
    private var step: Int {
        max(outcome?.step ?? 0, lastLines.values.compactMap { $0["step"]?.integerValue }.max() ?? 0)
    }

    package var json: JSONValue {
        [
            "state": .string(state), "step": .integer(step), "reason": outcome.map { .string($0.reason) } ?? .null,
            "failure": failure.map { .string($0.description) } ?? .null,
            "next": outcome?.next.map { .string($0) } ?? .null,
            "holder": presence.map { .string($0.holder.description) } ?? .null,
            "silent_seconds": presence.map { .number($0.silence) } ?? .null,
            "stop_requested": .boolean(stopRequest != nil),
            "latest_checkpoint": latest.map { .integer($0) } ?? .null,
            "best_checkpoint": best.map { .integer($0) } ?? .null,
            "last_lines": .object(lastLines.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }),
        ]
    }

    package var text: String {
        var lines = ["state       \(state)" + (outcome.map { ": \(shown($0.reason, limit: 1000))" } ?? "")]
        if isSilent, let presence {
            lines = [
                "state       died, or not visible from here; last heartbeat \(duration(presence.silence)) ago"
            ]
        }
        lines.append("step        \(step)")
        if let failure { lines.append("failure     \(failure.description)") }
        if let presence {
            lines.append(
                "held by     \(presence.holder.description), last heartbeat \(duration(presence.silence)) ago")
        }
        if stopRequest != nil { lines.append("request     stop") }
        let checkpoint = latest.map { "latest of step \($0)" } ?? "none"
        lines.append("checkpoint  \(checkpoint)" + (best.map { ", best of step \($0)" } ?? ""))
        for split in ["train", "validation", "test"] {
            guard let line = lastLines[split], let loss = line["loss"]?.numberValue else { continue }
            let step = line["step"]?.integerValue.map { " at step \($0)" } ?? ""
            let rate =
                line["tokens_per_second"]?.numberValue.map {
                    ", \(grouped(Int(exactly: $0.rounded()) ?? .max)) tokens/s"
                } ?? ""
            lines.append(split + String(repeating: " ", count: 12 - split.count) + "loss \(format(loss))\(step)\(rate)")
        }
        if state != "running", let next = outcome?.next { lines.append("resume      \(shown(next, limit: 10_000))") }
        return lines.joined(separator: "\n")
    }
}
