import CSIMDLevel
package import FileFormats
import Foundation
package import MPI
import System

/// The version of lstm-dist, as `--version`, checkpoints and environment.json give it.
package let programVersion = "0.1.0"

/// The environment of a run: the facts of environment.json and of `doctor`.
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

    /// Every rank's host and the job's facts, on the root. Queries the scheduler. Collective (gather).
    ///
    /// - Parameters:
    ///   - threads: the number of threads of each rank.
    ///   - averaging: a description of the reduction of gradients (`StepMemory.averaging`).
    ///   - tuning: the kernels' sizes (`TuningChoice.json`).
    package static func json(_ communicator: Communicator, threads: Int, averaging: String, tuning: JSONValue) throws
        -> JSONValue
    {
        let hosts = try communicator.gather(Job.hostName, root: 0)
        let job = communicator.isRoot ? Scheduler.currentJob : nil
        return [
            "version": .string(programVersion), "mpi": .string(Job.versionOfMPI),
            "ranks": .integer(communicator.size), "threads_per_rank": .integer(threads),
            "hosts": .array(hosts.map { .string($0) }), "averaging": .string(averaging),
            "cpu": .string(ProcessorCores.modelName),
            "simd_level": .string(simdLevelOfBuild), "tuning": tuning,
            "job_id": job.map { .string($0.id) } ?? .null, "job_nodes": job?.nodes.map { .integer($0) } ?? .null,
            "job_seconds_left": job?.secondsLeft.map { .integer($0) } ?? .null,
            "start_time": .string(Date().ISO8601Format()),
        ]
    }

    /// Throws if ranks were built for different SIMD levels: they would compute different bits. Collective.
    package static func checkLevels(_ communicator: Communicator) throws {
        let levels = try communicator.allgather(simd_level_of_build())
        guard let other = levels.firstIndex(where: { $0 != levels[0] }) else { return }
        throw CommandError.usage(
            "rank 0 runs a build for SIMD level \(name(levels[0])) and rank \(other) one for \(name(levels[other])); "
                + "use the same build on every rank (launch/build --level makes one)"
        ).everywhere
    }
}
