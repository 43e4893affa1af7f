import Foundation
import System

/// A batch scheduler, as a job sees it in its environment. A new scheduler is one entry of `all`.
package struct Scheduler: Sendable {
    package let name: String
    /// The variable with the job's id.
    let jobID: String
    /// The number of hosts of the job, whether ranks run on them or not; nil if the environment doesn't say.
    let nodes: @Sendable (_ environment: [String: String]) -> Int?
    /// The variable with the number of tasks of the job.
    let tasks: String
    /// The variables of a process that the scheduler's own launcher starts; nil if it has none.
    let step: Step?
    /// Seconds until the scheduler ends the job; nil if unknown. Starts a process and may take ten seconds.
    let secondsLeft: (@Sendable (_ environment: [String: String]) -> Double?)?

    struct Step: Sendable {
        /// Set in every step.
        let id: String
        let rank: String
        let tasks: String
    }

    package static let all = [slurm, pbs, lsf, gridEngine]

    static let slurm = Scheduler(
        name: "Slurm", jobID: "SLURM_JOB_ID", nodes: number("SLURM_JOB_NUM_NODES"), tasks: "SLURM_NTASKS",
        step: Step(id: "SLURM_STEP_ID", rank: "SLURM_PROCID", tasks: "SLURM_STEP_NUM_TASKS"),
        secondsLeft: { SlurmTime.left(in: $0) })

    static let pbs = Scheduler(
        name: "PBS", jobID: "PBS_JOBID",
        nodes: { environment in
            // Torque has a variable; PBS Professional a file with a line for each rank's host.
            if let nodes = number("PBS_NUM_NODES")(environment) { return nodes }
            guard let file = environment["PBS_NODEFILE"],
                let text = try? String(contentsOfFile: file, encoding: .utf8)
            else { return nil }
            return Set(text.split(whereSeparator: \.isNewline)).count
        }, tasks: "PBS_NP", step: nil, secondsLeft: nil)

    static let lsf = Scheduler(
        name: "LSF", jobID: "LSB_JOBID",
        // Hosts, each followed by its slots.
        nodes: { $0["LSB_MCPU_HOSTS"].map { $0.split(separator: " ").count / 2 } }, tasks: "LSB_DJOB_NUMPROC",
        step: nil, secondsLeft: nil)

    static let gridEngine = Scheduler(
        name: "Grid Engine", jobID: "JOB_ID", nodes: number("NHOSTS"), tasks: "NSLOTS", step: nil, secondsLeft: nil)

    private static func number(_ variable: String) -> @Sendable (_ environment: [String: String]) -> Int? {
        { $0[variable].flatMap { Int($0) } }
    }

    /// The scheduler whose job this process belongs to; nil outside of jobs.
    private static func current(_ environment: [String: String]) -> Scheduler? {
        all.first { environment[$0.jobID] != nil }
    }

    /// The id of this process's job; nil outside of jobs.
    package static var currentJobID: String? {
        let environment = ProcessInfo.processInfo.environment
        return current(environment).flatMap { environment[$0.jobID] }
    }

    /// Seconds until the scheduler ends this process's job; nil outside of jobs and where it is unknown. May take ten
    /// seconds.
    static var currentSecondsLeft: Double? {
        let environment = ProcessInfo.processInfo.environment
        return current(environment)?.secondsLeft?(environment)
    }

    /// This process's job; nil outside of jobs. Asks the scheduler for the time left, which may take ten seconds.
    package static var currentJob: SchedulerJob? {
        let environment = ProcessInfo.processInfo.environment
        guard let scheduler = current(environment), let id = environment[scheduler.jobID] else { return nil }
        let secondsLeft = scheduler.secondsLeft?(environment).flatMap { Int(exactly: $0.rounded(.down)) }
        return SchedulerJob(id: id, nodes: scheduler.nodes(environment), secondsLeft: secondsLeft)
    }
}

/// A job of a batch scheduler.
package struct SchedulerJob: Sendable {
    let id: String
    /// Hosts of the job; nil if the scheduler doesn't say.
    let nodes: Int?
    /// Seconds until the scheduler ends the job; nil if it has no limit, or none that is known.
    let secondsLeft: Int?

    /// "12 on 2 nodes, 3h58m left", as far as it is known.
    var description: String {
        id + (nodes.map { " on \(counted($0, "node"))" } ?? "")
            + (secondsLeft.map { ", \(duration(Double($0))) left" } ?? "")
    }
}
