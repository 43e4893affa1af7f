import Foundation
import System

/// The time that Slurm leaves a job, from `squeue`.
package enum SlurmTime {
    /// Seconds until the job is ended; nil if there is no limit, or Slurm does not respond.
    ///
    /// Starts a process and waits up to ten seconds for it; not to be called on a thread that trains.
    static func left(in environment: [String: String]) -> Double? {
        guard var job = environment["SLURM_JOB_ID"] else { return nil }
        // An array task has the id of the array, for which squeue would print a line for each task.
        if let array = environment["SLURM_ARRAY_JOB_ID"], let task = environment["SLURM_ARRAY_TASK_ID"] {
            job = "\(array)_\(task)"
        }
        if let answer = output(of: ["squeue", "-h", "-j", job, "-o", "%L"]) { return seconds(answer) }
        // Not set before Slurm 23.02, and does not reflect later changes of the limit: for nodes where squeue does not
        // work. An end that has passed is not this job's.
        guard let end = end(in: environment) else { return nil }
        let left = Double(end) - Date().timeIntervalSince1970
        return left > 0 ? left : nil
    }

    private static func end(in environment: [String: String]) -> Int32? {
        environment["SLURM_JOB_END_TIME"].flatMap { Int32($0) }
    }

    /// The variable and its value, if it gives an end of the job that has passed: it is of another job, or of an older
    /// limit.
    package static func staleEnd(
        in environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> (variable: String, value: Int32)? {
        guard environment["SLURM_JOB_ID"] != nil, let end = end(in: environment),
            Double(end) < Date().timeIntervalSince1970
        else { return nil }
        return ("SLURM_JOB_END_TIME", end)
    }

    /// Seconds of `2-03:04:05`, `3:04:05` or `4:05`; nil for anything else, such as `INVALID`.
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
        // A number alone is seconds.
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
