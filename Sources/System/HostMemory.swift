import Foundation
import Glibc

/// The memory of this host.
package enum HostMemory {
    /// Bytes of physical memory.
    package static var physical: Double {
        Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Bytes that can be allocated without swapping (MemAvailable); nil if the kernel doesn't report it.
    package static var available: Int? {
        let lines = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let fields = lines.first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ") ?? []
        return fields.count > 1 ? Int(fields[1]).map { $0 * 1024 } : nil
    }
}
