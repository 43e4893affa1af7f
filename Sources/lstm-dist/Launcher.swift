import Foundation

/// What the launcher that started this process says of the job, in its environment: known before MPI is started.
enum Launcher {
    private static let sizes = [
        "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS", "PBS_NP", "NSLOTS", "LSB_DJOB_NUMPROC",
    ]

    /// Ranks of this job step, 1 if no launcher says so.
    static var ranks: Int {
        let environment = ProcessInfo.processInfo.environment
        let step = environment["OMPI_COMM_WORLD_SIZE"] ?? environment["PMI_SIZE"]
        if let step { return Int(step) ?? 1 }
        // SLURM_NTASKS alone also stands in the environment of a batch script, where this is one process.
        guard environment["SLURM_STEP_ID"] != nil, environment["SLURM_PROCID"] != nil else { return 1 }
        return Int(environment["SLURM_STEP_NUM_TASKS"] ?? "") ?? 1
    }

    /// Whether a launcher started this process, be it as the only rank: an mpirun inside such a job step finds itself in the
    /// other's surroundings.
    static var isPresent: Bool {
        let environment = ProcessInfo.processInfo.environment
        return ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"].contains { environment[$0] != nil } || ranks > 1
    }

    /// What says that a launcher has started several processes, for one that MPI takes for a job of its own: the variable, its value,
    /// and this process's number; nil if nothing does.
    ///
    /// The innermost launcher has the word: an mpirun that starts one process inside a job step of several means one. That of a batch
    /// script is none: the script itself is one process, however many tasks its job has.
    static var otherProcesses: (variable: String, value: String, number: Int)? {
        let environment = ProcessInfo.processInfo.environment
        func number(_ variables: String...) -> Int? { variables.lazy.compactMap { Int(environment[$0] ?? "") }.first }
        for (size, rank) in [
            ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"), ("PMI_SIZE", "PMI_RANK"),
            ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"), ("MPI_LOCALNRANKS", "MPI_LOCALRANKID"),
        ] {
            guard let text = environment[size], let count = Int(text) else { continue }
            return count > 1 ? (size, text, number(rank) ?? 0) : nil
        }
        if let text = environment["PMIX_RANK"], let rank = Int(text), rank > 0 { return ("PMIX_RANK", text, rank) }
        guard environment["SLURM_STEP_ID"] != nil, let rank = number("SLURM_PROCID"),
            let text = environment["SLURM_STEP_NUM_TASKS"], Int(text) ?? 1 > 1
        else { return nil }
        return ("SLURM_STEP_NUM_TASKS", text, rank)
    }

    /// This process's rank in the job step, 0 if no launcher says so.
    static var rank: Int {
        let environment = ProcessInfo.processInfo.environment
        let rank = environment["OMPI_COMM_WORLD_RANK"] ?? environment["PMI_RANK"] ?? environment["SLURM_PROCID"]
        return ranks > 1 ? Int(rank ?? "") ?? 0 : 0
    }

    /// The tasks that a scheduler or launcher has set out for, and the variable that says so.
    static var announced: (variable: String, tasks: Int)? {
        let environment = ProcessInfo.processInfo.environment
        for variable in sizes {
            if let tasks = environment[variable].flatMap({ Int($0) }), tasks > 1 { return (variable, tasks) }
        }
        return nil
    }
}
