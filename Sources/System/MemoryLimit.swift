import Foundation

/// The memory that the processes of a job may use on this host: the host's, or the lower limit of a control group, as
/// batch systems and containers set it.
package struct MemoryLimit: Equatable, Sendable, CustomStringConvertible {
    package let bytes: Double
    /// Whether the limit is that of a control group, which the processes of a host share.
    package let isOfGroup: Bool

    /// The limit of this process. Read from /proc and /sys at each use.
    package static var current: MemoryLimit {
        let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
        let limit = Self.ofGroups(groups, mountedAt: "/sys/fs/cgroup")
        let physical = HostMemory.physical
        guard let limit, limit < physical else { return MemoryLimit(bytes: physical, isOfGroup: false) }
        return MemoryLimit(bytes: limit, isOfGroup: true)
    }

    /// "this host has 16.0 GiB", or the same about the control group.
    package var description: String {
        isOfGroup
            ? "this job's control group allows \(byteCount(bytes)) on this host" : "this host has \(byteCount(bytes))"
    }

    /// The lowest limit of the control groups that `/proc/self/cgroup` names, and of their parents; nil if there is
    /// none. Both versions of control groups are read.
    ///
    /// - Parameter root: the mount point of the groups. In a container a group's path may not exist there, because it
    ///   is the host's path: then only the mounted group itself counts.
    package static func ofGroups(_ text: String, mountedAt root: String) -> Double? {
        var lowest: Double?
        for line in text.split(separator: "\n") {
            // hierarchy:controllers:path
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else { continue }
            let isUnified = fields[1].isEmpty
            guard isUnified || fields[1].split(separator: ",").contains("memory") else { continue }
            let mount = isUnified ? root : "\(root)/memory"
            var names = fields[2].split(separator: "/")
            while true {
                let folder = ([mount] + names.map(String.init)).joined(separator: "/")
                let file = isUnified ? "memory.max" : "memory.limit_in_bytes"
                if let found = number(in: "\(folder)/\(file)") { lowest = min(lowest ?? found, found) }
                guard names.popLast() != nil else { break }
            }
        }
        return lowest
    }

    /// nil if there is no such file, and for "max".
    private static func number(in path: String) -> Double? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
