import Foundation

/// The time that a batch scheduler leaves a job, as Slurm's squeue says it.
enum SchedulerTime {
    /// Seconds until the job is ended; nil if there is no such job or limit, or the scheduler doesn't answer.
    ///
    /// Starts a process and waits up to ten seconds for it: not for the training's own thread.
    static func left() -> Double? {
        // SLURM_JOB_END_TIME is not there before Slurm 23.02, and doesn't know of limits that were changed.
        guard let job = ProcessInfo.processInfo.environment["SLURM_JOB_ID"] else { return nil }
        return output(of: ["squeue", "-h", "-j", job, "-o", "%L"]).flatMap(seconds)
    }

    /// Of `2-03:04:05`, `3:04:05`, `4:05` or `INVALID`.
    static func seconds(_ text: String) -> Double? {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let days = text.split(separator: "-", omittingEmptySubsequences: false)
        guard days.count <= 2, let clock = days.last else { return nil }
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        guard (1...3).contains(parts.count), days.count == 1 || parts.count == 3 else { return nil }
        var total = 0.0
        for part in parts {
            guard let part, part >= 0 else { return nil }
            total = 60 * total + part
        }
        // A lone number is seconds, as the last of a clock.
        guard days.count == 2 else { return total }
        return Double(days[0]).map { 86_400 * $0 + total }
    }

    private static func output(of words: [String]) -> String? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["timeout", "10"] + words
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return process.terminationStatus == 0 ? text : nil
    }
}
