import Foundation
import Glibc
import Training

/// The cores of this machine that this process may use.
package enum LocalCores {
    /// The first hardware thread of each core, by the kernel's number.
    package static var firstThreads: [Int] {
        var seen: Set<String> = []
        return Environment.allowedCPUs.filter { cpu in
            let parts = ["physical_package_id", "core_id"].map { name in
                try? String(contentsOfFile: "/sys/devices/system/cpu/cpu\(cpu)/topology/\(name)", encoding: .utf8)
            }
            return seen.insert(parts.contains(nil) ? "cpu\(cpu)" : parts.map { $0 ?? "" }.joined()).inserted
        }
    }

    /// Whether this process is kept from some of the machine's hardware threads.
    static var isRestricted: Bool { Environment.allowedCPUs.count < sysconf(Int32(_SC_NPROCESSORS_ONLN)) }
}
