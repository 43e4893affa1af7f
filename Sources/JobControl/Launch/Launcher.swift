import Foundation
import Glibc

/// The facts of the job that the launcher which started this process (mpirun, srun) gives in its environment, before
/// MPI is started.
package enum Launcher {
    /// The variables of an MPI launcher: number of ranks, and this process's rank.
    private static let variables = [
        (ranks: "OMPI_COMM_WORLD_SIZE", rank: "OMPI_COMM_WORLD_RANK"), (ranks: "PMI_SIZE", rank: "PMI_RANK"),
        (ranks: "MV2_COMM_WORLD_SIZE", rank: "MV2_COMM_WORLD_RANK"),
        (ranks: "MPI_LOCALNRANKS", rank: "MPI_LOCALRANKID"),
    ]

    /// A step of a scheduler's own launcher that this process was started in.
    ///
    /// The number of a job's tasks is not evidence of a step: the batch script, one process, has it too.
    private static func step(_ environment: [String: String]) -> Scheduler.Step? {
        Scheduler.all.lazy.compactMap(\.step).first { environment[$0.id] != nil && environment[$0.rank] != nil }
    }

    /// The number of ranks of this job step; 1 if there is no launcher.
    package static var ranks: Int {
        let environment = ProcessInfo.processInfo.environment
        if let ranks = environment["OMPI_COMM_WORLD_SIZE"] ?? environment["PMI_SIZE"] { return Int(ranks) ?? 1 }
        return step(environment).map { Int(environment[$0.tasks] ?? "") ?? 1 } ?? 1
    }

    /// Whether a launcher started this process, even as the only rank: an mpirun started by such a process would
    /// inherit the launcher's environment.
    package static var isPresent: Bool {
        let environment = ProcessInfo.processInfo.environment
        return ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"].contains { environment[$0] != nil } || ranks > 1
    }

    /// Evidence that a launcher started several processes, for a process that MPI treats as a job of one rank: the
    /// variable, its value, and this process's rank; nil if there is none.
    ///
    /// The innermost launcher decides: an mpirun that starts one process inside a job step of several tasks means one.
    package static var otherProcesses: (variable: String, value: String, number: Int)? {
        let environment = ProcessInfo.processInfo.environment
        func number(_ variable: String) -> Int? { Int(environment[variable] ?? "") }
        for (size, rank) in variables {
            guard let text = environment[size], let count = Int(text) else { continue }
            return count > 1 ? (size, text, number(rank) ?? 0) : nil
        }
        if let rank = number("PMIX_RANK"), rank > 0 { return ("PMIX_RANK", "\(rank)", rank) }
        guard let step = step(environment), let rank = number(step.rank), let text = environment[step.tasks],
            Int(text) ?? 1 > 1
        else { return nil }
        return (step.tasks, text, rank)
    }

    /// In a shell of `srun --pty`, makes MPI start this process as a separate job: removes the variables by which MPI,
    /// and this type, would treat it as a task of the shell's step. A task that srun itself has started keeps them.
    ///
    /// To be called before MPI is started, by the only thread.
    package static func leaveShellOfStep() {
        let environment = ProcessInfo.processInfo.environment
        let launched = ["PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_SIZE"].contains { environment[$0] != nil }
        let parent = (try? String(contentsOfFile: "/proc/\(getppid())/comm", encoding: .utf8)) ?? ""
        guard environment["SLURM_PTY_PORT"] != nil, !launched, !parent.hasPrefix("slurmstepd") else { return }
        // The two spellings of a step's number, of old and of new versions of Slurm; and the nodes, which Open MPI
        // would start a daemon for.
        for variable in ["SLURM_STEPID", "SLURM_STEP_ID", "SLURM_NODELIST"] { unsetenv(variable) }
    }

    /// This process's rank in the job step; 0 if there is no launcher.
    package static var rank: Int {
        let environment = ProcessInfo.processInfo.environment
        let rank =
            environment["OMPI_COMM_WORLD_RANK"] ?? environment["PMI_RANK"]
            ?? step(environment).flatMap { environment[$0.rank] }
        return ranks > 1 ? Int(rank ?? "") ?? 0 : 0
    }

    /// The number of tasks that a launcher or a scheduler announces, and the variable that holds it.
    package static var announced: (variable: String, tasks: Int)? {
        let environment = ProcessInfo.processInfo.environment
        for variable in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] + Scheduler.all.map(\.tasks) {
            if let tasks = environment[variable].flatMap({ Int($0) }), tasks > 1 { return (variable, tasks) }
        }
        return nil
    }
}
