import Foundation

/// The time that a batch scheduler leaves a job, as Slurm's squeue says it.
package enum SchedulerTime {
    /// Seconds until the job is ended; nil if there is no such job or limit, or the scheduler doesn't answer.
    ///
    /// Starts a process and waits up to ten seconds for it: not for a thread that trains.
    package static func left() -> Double? {
        let environment = ProcessInfo.processInfo.environment
        guard var job = environment["SLURM_JOB_ID"] else { return nil }
        // One of an array's tasks has the number of the array: squeue would answer with a line for each task.
        if let array = environment["SLURM_ARRAY_JOB_ID"], let task = environment["SLURM_ARRAY_TASK_ID"] {
            job = "\(array)_\(task)"
        }
        if let answer = output(of: ["squeue", "-h", "-j", job, "-o", "%L"]) { return seconds(answer) }
        // Not there before Slurm 23.02, and knows nothing of limits that were changed: for nodes where squeue does not answer.
        let end = environment["SLURM_JOB_END_TIME"].flatMap { Int32($0) }
        return end.map { max(0, Double($0) - Date().timeIntervalSince1970) }
    }

    /// Of `2-03:04:05`, `3:04:05`, `4:05` or `INVALID`, of which nothing is known.
    package static func seconds(_ text: String) -> Double? {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let days = text.split(separator: "-", omittingEmptySubsequences: false)
        guard days.count <= 2, let clock = days.last else { return nil }
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        guard (1...3).contains(parts.count), days.count == 1 || parts.count == 3 else { return nil }
        var total = 0.0
        for part in parts {
            guard let part, part.isFinite, part >= 0 else { return nil }
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
