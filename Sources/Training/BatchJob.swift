import Foundation

/// The batch scheduler's job that this process belongs to, as its surroundings tell: of Slurm, PBS, LSF or Grid Engine.
struct BatchJob {
    let id: String
    /// Hosts that the job has been given, whether ranks run on them or not; nil if the scheduler doesn't say.
    let nodes: Int?
    /// Until the scheduler ends the job; nil if it has no limit, or none that is known.
    let secondsLeft: Int?

    /// nil outside of jobs. Asks the scheduler, which may take seconds.
    static func here() -> BatchJob? {
        guard let id = Environment.jobID else { return nil }
        let left = SchedulerTime.left().flatMap { Int(exactly: $0.rounded(.down)) }
        return BatchJob(id: id, nodes: nodesHere, secondsLeft: left)
    }

    private static var nodesHere: Int? {
        let variables = ProcessInfo.processInfo.environment
        // Slurm; Torque; Grid Engine.
        for name in ["SLURM_JOB_NUM_NODES", "PBS_NUM_NODES", "NHOSTS"] {
            if let nodes = variables[name].flatMap({ Int($0) }) { return nodes }
        }
        // PBS: a file with a line for each rank's host. LSF: hosts, each followed by its slots.
        if let file = variables["PBS_NODEFILE"], let text = try? String(contentsOfFile: file, encoding: .utf8) {
            return Set(text.split(whereSeparator: \.isNewline)).count
        }
        return variables["LSB_MCPU_HOSTS"].map { $0.split(separator: " ").count / 2 }
    }

    /// "12 on 2 nodes, 3h58m left", as far as it is known.
    var description: String {
        id + (nodes.map { " on \(counted($0, "node"))" } ?? "")
            + (secondsLeft.map { ", \(duration(Double($0))) left" } ?? "")
    }
}
