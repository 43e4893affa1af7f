import Foundation

/// A process's anonymous memory in bytes (RssAnon of /proc/PROCESS/status); nil if there is no such process. "self" is
/// this one.
package func anonymousMemory(ofProcess process: String = "self") -> Int? {
    let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
    return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 << 10 }
}
