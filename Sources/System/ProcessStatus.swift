import Glibc

/// The status of a process on this machine, from /proc.
package struct ProcessStatus {
    /// A letter: R, S, D, T, Z, …
    package let state: UInt8
    /// In ticks since the kernel's start; distinguishes a process from a later one of the same number.
    package let startTime: UInt64

    /// nil if there is no such process.
    package init?(of process: Int32) {
        let text = Self.contents(of: "/proc/\(process)/stat")
        // The name in parentheses may contain any character, also parentheses.
        guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19, let state = fields[0].first else { return nil }
        self.state = state
        startTime = UInt64(String(decoding: fields[19], as: UTF8.self)) ?? 0
    }

    /// Whether it has ended, and is perhaps not reaped yet.
    package var isGone: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

    /// This boot of this machine and the PID namespace: if these are equal, process numbers are comparable.
    package static var machine: String {
        let boot = String(decoding: contents(of: "/proc/sys/kernel/random/boot_id"), as: UTF8.self)
        return "\(boot.prefix { !$0.isNewline }) \(FolderCalls.linkTarget("/proc/self/ns/pid") ?? "")"
    }

    /// The first page of a file of unknown size; empty if it can't be read.
    private static func contents(of path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = max(read(descriptor, buffer.baseAddress, buffer.count), 0)
        }
    }
}
