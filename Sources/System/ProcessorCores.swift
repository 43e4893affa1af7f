import Foundation
import Glibc

/// The cores of this machine, and those that this process may use.
package enum ProcessorCores {
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

    /// The first hardware thread of each core that this process may use, by the kernel's number.
    package static var firstThreads: [Int] {
        var seen: Set<String> = []
        return allowedCPUs.filter { cpu in
            let parts = ["physical_package_id", "core_id"].map { name in
                try? String(contentsOfFile: "/sys/devices/system/cpu/cpu\(cpu)/topology/\(name)", encoding: .utf8)
            }
            return seen.insert(parts.contains(nil) ? "cpu\(cpu)" : parts.map { $0 ?? "" }.joined()).inserted
        }
    }

    /// Whether this process may not use some of the machine's hardware threads.
    package static var isRestricted: Bool { allowedCPUs.count < sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

    /// The CPU's model name, from the kernel.
    package static var modelName: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }
}
