package import FileFormats
import Foundation
package import MPI

/// What a launch looks like, and which known traps it has stepped into: `doctor`.
package struct Diagnosis {
    /// A trap by its id, what was seen, and the cure.
    package struct Warning: Sendable {
        package let id: String
        package let seen: String
        package let cure: String
    }

    private struct Rank {
        let host: String
        let cpus: [Int]
        let level: String
    }

    private let ranks: [Rank]
    private let fileSystem: String
    package let warnings: [Warning]

    /// Collective (gather). Complete at the root only.
    ///
    /// - Parameter announced: the number of tasks that a launcher's variable speaks of.
    package init(_ communicator: Communicator, announced: (variable: String, tasks: Int)?) throws {
        let cpus = Environment.allowedCPUs.map(String.init).joined(separator: ",")
        let texts = try communicator.gather("\(Job.hostName)|\(cpus)|\(Environment.simdLevelOfMachine)", root: 0)
        ranks = texts.map { text in
            let parts = text.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            return Rank(host: parts[0], cpus: parts[1].split(separator: ",").compactMap { Int($0) }, level: parts[2])
        }
        fileSystem = Self.fileSystemHere
        warnings = Self.warnings(ranks, announced: announced, fileSystem: fileSystem)
    }

    private static func warnings(
        _ ranks: [Rank], announced: (variable: String, tasks: Int)?, fileSystem: String
    ) -> [Warning] {
        var found: [Warning] = []
        if let announced, ranks.count == 1 {
            found.append(
                Warning(
                    id: "singletons",
                    seen:
                        "\(announced.variable) speaks of \(announced.tasks) tasks, and this job has one rank: probably "
                        + "\(announced.tasks) jobs of one rank run side by side",
                    cure: "start with the mpirun of the MPI that this program is linked with, or srun --mpi=pmix"))
        }
        let environment = ProcessInfo.processInfo.environment
        for (host, members) in Dictionary(grouping: ranks, by: \.host).sorted(by: { $0.key < $1.key }) {
            let cores = Set(members.flatMap(\.cpus)).count
            guard members.count > cores else { continue }
            found.append(
                Warning(
                    id: "oversubscribed",
                    seen: "\(host) has \(members.count) ranks on \(counted(cores, "core")), so they take turns",
                    cure: "start at most \(cores) ranks there"))
            if environment["OMPI_MCA_mpi_yield_when_idle"] != "1" {
                found.append(
                    Warning(
                        id: "spinning", seen: "ranks that wait on \(host) keep their core from those that work",
                        cure: "launch/local, or OMPI_MCA_mpi_yield_when_idle=1"))
            }
        }
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
                    id: "simd-level", seen: "this build is for SIMD level \(build), and every host offers \(lowest)",
                    cure: "launch/build --level \(lowest)"))
        }
        if ["nfs", "nfs4", "cifs"].contains(fileSystem) {
            found.append(
                Warning(
                    id: "network-file-system", seen: "the working directory lies on \(fileSystem)",
                    cure: "a parallel or local file system for run folders, or checkpoint.every_minutes of some length")
            )
        }
        return found
    }

    private static func order(_ level: String) -> Int { ["portable", "v3", "v4"].firstIndex(of: level) ?? 0 }

    /// The type of the file system that the working directory lies on, by the longest mount point above it.
    private static var fileSystemHere: String {
        let here = FileManager.default.currentDirectoryPath
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        var best = (length: -1, type: "unknown")
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 2 else { continue }
            let point = String(fields[1])
            let prefix = point == "/" ? "/" : point + "/"
            if (here + "/").hasPrefix(prefix), point.count >= best.length { best = (point.count, String(fields[2])) }
        }
        return best.type
    }

    private var hosts: [(host: String, ranks: Int, cores: Int)] {
        Dictionary(grouping: ranks, by: \.host).sorted { $0.key < $1.key }.map {
            ($0.key, $0.value.count, Set($0.value.flatMap(\.cpus)).count)
        }
    }

    package var json: JSONValue {
        [
            "version": .string(programVersion), "mpi": .string(Job.versionOfMPI), "ranks": .integer(ranks.count),
            "hosts": .array(
                hosts.map {
                    ["host": .string($0.host), "ranks": .integer($0.ranks), "cores": .integer($0.cores)]
                }),
            "cores_of_ranks": .array(ranks.map { .array($0.cpus.map { .integer($0) }) }),
            "threads_per_rank": 1, "cpu": .string(Environment.cpuModel),
            "simd_level_of_build": .string(Environment.simdLevelOfBuild),
            "simd_level_of_machine": .string(Environment.simdLevelOfMachine),
            "file_system": .string(fileSystem), "job_id": Environment.jobID.map { .string($0) } ?? .null,
            "warnings": .array(
                warnings.map { ["id": .string($0.id), "seen": .string($0.seen), "cure": .string($0.cure)] }),
        ]
    }

    /// The same for people.
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
            "threads      1 a rank",
            "CPU          \(Environment.cpuModel)",
            "SIMD level   built for \(Environment.simdLevelOfBuild), this machine offers \(Environment.simdLevelOfMachine)",
            "file system  \(fileSystem)",
        ]
        if let job = Environment.jobID { lines.append("job          \(job)") }
        if warnings.isEmpty { lines.append("no warnings") }
        for warning in warnings {
            lines.append("warning      [\(warning.id)] \(warning.seen); cure: \(warning.cure)")
        }
        return lines
    }
}
