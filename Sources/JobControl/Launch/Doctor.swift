package import FileFormats
import Foundation
import Glibc
package import MPI
import System

/// The facts of a launch, and the known problems that it has: `doctor`.
package struct Doctor {
    /// A problem: its id, the observation, and the cure.
    package struct Warning: Sendable {
        package let id: String
        package let seen: String
        package let cure: String
    }

    private struct Rank {
        let host: String
        let cpus: [Int]
        let level: String
        let threads: Int
        /// All CPUs of its host, whether this rank may use them or not.
        let hostCPUs: Int
    }

    private let ranks: [Rank]
    private let tuning: (json: JSONValue, text: String)
    private let fileSystem: String
    private let job: SchedulerJob?
    package let warnings: [Warning]

    /// Collective (gather). Complete on the root only.
    ///
    /// - Parameters:
    ///   - announced: the number of tasks that a launcher's variable gives.
    ///   - threads: the number of threads of this rank.
    ///   - tuning: the kernels' sizes, for the two outputs.
    package init(
        _ communicator: Communicator, announced: (variable: String, tasks: Int)?, threads: Int,
        tuning: (json: JSONValue, text: String)
    ) throws {
        self.tuning = tuning
        ranks = try Self.gatherRanks(communicator, threads: threads)
        fileSystem = Self.currentFileSystem
        job = communicator.isRoot ? Scheduler.currentJob : nil
        warnings = Self.warnings(ranks, announced: announced, nodes: job?.nodes, fileSystem: fileSystem)
    }

    /// Prints one line if not every thread has a core: a warning if ranks have several threads, else information, since
    /// such a launch is slow and may be intended. Collective (MPI_Allreduce, gather).
    package static func warnOfCrowding(threads: Int, on communicator: Communicator, _ console: Console) throws {
        let most = try communicator.allreduce(Int64(threads), .maximum)
        guard most > 1 || communicator.size > 1,
            let warning = crowding(try gatherRanks(communicator, threads: threads)).first
        else { return }
        let line = "\(warning.seen); cure: \(warning.cure)"
        if most > 1 { console.warning(line) } else { console.info(line) }
    }

    private static func gatherRanks(_ communicator: Communicator, threads: Int) throws -> [Rank] {
        let cpus = ProcessorCores.allowedCPUs.map(String.init).joined(separator: ",")
        let online = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let texts = try communicator.gather(
            "\(Job.hostName)|\(cpus)|\(Environment.simdLevelOfMachine)|\(threads)|\(online)", root: 0)
        return texts.map { text in
            let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            return Rank(
                host: parts[0], cpus: parts[1].split(separator: ",").compactMap { Int($0) }, level: parts[2],
                threads: Int(parts[3]) ?? 1, hostCPUs: Int(parts[4]) ?? 1)
        }
    }

    private static func warnings(
        _ ranks: [Rank], announced: (variable: String, tasks: Int)?, nodes: Int?, fileSystem: String
    ) -> [Warning] {
        var found: [Warning] = []
        if let announced, ranks.count == 1 {
            found.append(
                Warning(
                    id: "singletons",
                    seen:
                        "\(announced.variable) is \(announced.tasks), but this job has one rank: probably "
                        + "\(announced.tasks) separate jobs of one rank run instead of one",
                    cure: "start with the mpirun of the MPI that this program is linked with, or srun --mpi=pmix"))
        }
        let hosts = Set(ranks.map(\.host)).count
        if let nodes, nodes > hosts, hosts > 0 {
            found.append(
                Warning(
                    id: "idle-nodes",
                    seen: "the job has \(nodes) nodes, but all ranks run on \(counted(hosts, "host"))",
                    cure: "start ranks on all of them: srun --mpi=pmix, or mpirun without -n, or fewer --nodes"))
        }
        found += crowding(ranks)
        for (host, members) in Dictionary(grouping: ranks, by: \.host).sorted(by: { $0.key < $1.key }) {
            let bound = members.filter { !$0.cpus.isEmpty }
            let overlapping = Dictionary(grouping: bound, by: \.cpus).filter { $0.key.count == 1 && $0.value.count > 1 }
            if let (cpus, sharing) = overlapping.first {
                found.append(
                    Warning(
                        id: "shared-core", seen: "\(sharing.count) ranks on \(host) are all bound to core \(cpus[0])",
                        cure: "mpirun --bind-to core, one mpirun at a time, or launch/local"))
            }
        }
        let build = Environment.simdLevelOfBuild
        if let lowest = ranks.map(\.level).min(by: { order($0) < order($1) }), order(build) < order(lowest) {
            found.append(
                Warning(
                    id: "simd-level", seen: "this build is for SIMD level \(build), but every host supports \(lowest)",
                    cure: "launch/build --level \(lowest)"))
        }
        if ["nfs", "nfs4", "cifs"].contains(fileSystem) {
            found.append(
                Warning(
                    id: "network-file-system", seen: "the working directory is on \(fileSystem)",
                    cure: "use a parallel or local file system for run folders, or a longer checkpoint.every_minutes")
            )
        }
        return found
    }

    /// Warnings about hosts with more threads than cores.
    private static func crowding(_ ranks: [Rank]) -> [Warning] {
        let yields = ProcessInfo.processInfo.environment["OMPI_MCA_mpi_yield_when_idle"] == "1"
        var found: [Warning] = []
        for (host, members) in Dictionary(grouping: ranks, by: \.host).sorted(by: { $0.key < $1.key }) {
            guard let warning = crowding(host, members) else { continue }
            found.append(warning)
            if !yields && members.count > 1 {
                found.append(
                    Warning(
                        id: "spinning", seen: "waiting ranks on \(host) take core time from working ranks",
                        cure: "launch/local, or OMPI_MCA_mpi_yield_when_idle=1"))
            }
        }
        return found
    }

    private static func crowding(_ host: String, _ members: [Rank]) -> Warning? {
        var cores = Set(members.flatMap(\.cpus)).count
        let threads = members.reduce(0) { $0 + $1.threads }
        // Cores that the launch excludes a rank from become available with another launch, if the host has enough of
        // them.
        if let confined = members.first(where: { $0.threads > max($0.cpus.count, 1) && $0.hostCPUs > $0.cpus.count }) {
            if threads <= confined.hostCPUs {
                return Warning(
                    id: "threads-share-core",
                    seen: "a rank on \(host) has \(confined.threads) threads and may use only "
                        + "\(counted(confined.cpus.count, "core")) of \(confined.hostCPUs), so its threads share cores",
                    cure: "mpirun --map-by slot:pe=\(confined.threads), mpirun --bind-to none, or launch/local")
            }
            cores = confined.hostCPUs
        }
        guard threads > cores else { return nil }
        let severalThreads = threads > members.count
        let work = severalThreads ? "\(threads) threads in \(counted(members.count, "rank"))" : "\(threads) ranks"
        return Warning(
            id: "oversubscribed", seen: "\(host) has \(work) on \(counted(cores, "core")), so they share cores",
            cure: severalThreads
                ? "start at most \(cores) threads there, ranks times --threads-per-rank"
                : "start at most \(cores) ranks there")
    }

    private static func order(_ level: String) -> Int { ["portable", "v3", "v4"].firstIndex(of: level) ?? 0 }

    /// The type of the working directory's file system, by the longest mount point above it.
    private static var currentFileSystem: String {
        let directory = FileManager.default.currentDirectoryPath
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        var best = (length: -1, type: "unknown")
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 2 else { continue }
            let point = String(fields[1])
            let prefix = point == "/" ? "/" : point + "/"
            if (directory + "/").hasPrefix(prefix), point.count >= best.length {
                best = (point.count, String(fields[2]))
            }
        }
        return best.type
    }

    private var hosts: [(host: String, ranks: Int, cores: Int)] {
        Dictionary(grouping: ranks, by: \.host).sorted { $0.key < $1.key }.map {
            ($0.key, $0.value.count, Set($0.value.flatMap(\.cpus)).count)
        }
    }

    /// The largest number of threads of a rank.
    private var threadsPerRank: Int { ranks.map(\.threads).max() ?? 1 }

    package var json: JSONValue {
        [
            "version": .string(programVersion), "mpi": .string(Job.versionOfMPI), "ranks": .integer(ranks.count),
            "hosts": .array(
                hosts.map {
                    ["host": .string($0.host), "ranks": .integer($0.ranks), "cores": .integer($0.cores)]
                }),
            "cores_of_ranks": .array(ranks.map { .array($0.cpus.map { .integer($0) }) }),
            "threads_per_rank": .integer(threadsPerRank), "cpu": .string(ProcessorCores.modelName),
            "simd_level_of_build": .string(Environment.simdLevelOfBuild),
            "simd_level_of_machine": .string(Environment.simdLevelOfMachine),
            "tuning": tuning.json,
            "file_system": .string(fileSystem), "job_id": job.map { .string($0.id) } ?? .null,
            "job_nodes": job?.nodes.map { .integer($0) } ?? .null,
            "job_seconds_left": job?.secondsLeft.map { .integer($0) } ?? .null,
            "warnings": .array(
                warnings.map { ["id": .string($0.id), "seen": .string($0.seen), "cure": .string($0.cure)] }),
        ]
    }

    /// The same as lines of text.
    package var lines: [String] {
        var lines = ["lstm-dist \(programVersion), \(Job.versionOfMPI)", "ranks        \(ranks.count)"]
        for host in hosts {
            lines.append("host         \(host.host): \(counted(host.ranks, "rank")) on \(counted(host.cores, "core"))")
        }
        for (number, rank) in ranks.enumerated() where ranks.count <= 16 {
            lines.append(
                "rank \(number)       \(rank.host), may use cores \(rank.cpus.map(String.init).joined(separator: " "))")
        }
        lines += [
            "threads      \(threadsPerRank) a rank",
            "CPU          \(ProcessorCores.modelName)",
            "SIMD level   built for \(Environment.simdLevelOfBuild), this machine supports \(Environment.simdLevelOfMachine)",
            "tuning       \(tuning.text)",
            "file system  \(fileSystem)",
        ]
        if let job { lines.append("job          \(job.description)") }
        if warnings.isEmpty { lines.append("no warnings") }
        for warning in warnings {
            lines.append("warning      [\(warning.id)] \(warning.seen); cure: \(warning.cure)")
        }
        return lines
    }
}
