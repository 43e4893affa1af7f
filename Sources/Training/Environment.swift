import CSIMDLevel
package import FileFormats
import Foundation
package import MPI

/// What a run ran on: the facts of environment.json and of `doctor`.
package enum Environment {
    /// "v4", "v3" or "portable", of the build or of the machine.
    package static var simdLevelOfBuild: String { name(simd_level_of_build()) }
    package static var simdLevelOfMachine: String { name(simd_level_of_machine()) }

    private static func name(_ level: Int32) -> String {
        switch level {
        case 4: "v4"
        case 3: "v3"
        default: "portable"
        }
    }

    /// The CPU's name as the kernel says it.
    package static var cpuModel: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }

    /// Of the batch scheduler, if one started this process.
    package static var jobID: String? {
        let variables = ProcessInfo.processInfo.environment
        return ["SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"].lazy.compactMap { variables[$0] }.first
    }

    /// The CPUs that this process may run on, as the kernel lists them: "0-3,8".
    package static var allowedCPUs: [Int] {
        let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") } ?? ""
        let list = line.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? ""
        return list.split(separator: ",").flatMap { part in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            return ends.isEmpty ? [] : Array(ends[0]...max(ends[0], ends[ends.count - 1]))
        }
    }

    /// Collective (gather): every rank's host, and what is known of the job, at the root. Asks the scheduler.
    ///
    /// - Parameters:
    ///   - threads: that each rank computes with.
    ///   - averaging: how gradients are averaged (`TrainingMemory.averaging`).
    package static func json(_ communicator: Communicator, threads: Int, averaging: String) throws -> JSONValue {
        let hosts = try communicator.gather(Job.hostName, root: 0)
        let job = communicator.isRoot ? BatchJob.here() : nil
        return [
            "version": .string(programVersion), "mpi": .string(Job.versionOfMPI),
            "ranks": .integer(communicator.size), "threads_per_rank": .integer(threads),
            "hosts": .array(hosts.map { .string($0) }), "averaging": .string(averaging), "cpu": .string(cpuModel),
            "simd_level": .string(simdLevelOfBuild),
            "job_id": job.map { .string($0.id) } ?? .null, "job_nodes": job?.nodes.map { .integer($0) } ?? .null,
            "job_seconds_left": job?.secondsLeft.map { .integer($0) } ?? .null,
            "start_time": .string(Date().ISO8601Format()),
        ]
    }

    /// Refuses ranks that were built for different SIMD levels: they would compute different bits. Collective.
    package static func checkLevels(_ communicator: Communicator) throws {
        let levels = try communicator.allgather(simd_level_of_build())
        guard let other = levels.firstIndex(where: { $0 != levels[0] }) else { return }
        throw TrainingError.usage(
            "rank 0 runs a build for SIMD level \(name(levels[0])) and rank \(other) one for \(name(levels[other])); "
                + "accepted: the same build on every rank (launch/build --level makes one)"
        ).everywhere
    }
}
