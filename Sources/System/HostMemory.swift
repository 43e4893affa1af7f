import Foundation
import Glibc

/// The memory of this host.
package enum HostMemory {
    /// Bytes of physical memory.
    package static var physical: Double {
        Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Bytes that can be allocated without swapping (MemAvailable); nil where the kernel doesn't say.
    package static var available: Int? {
        let lines = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let words = lines.first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ") ?? []
        return words.count > 1 ? Int(words[1]).map { $0 * 1024 } : nil
    }
}
