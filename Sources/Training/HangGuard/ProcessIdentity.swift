import Glibc

/// A rank's process, so that another rank of the same machine can see how it is.
package struct ProcessIdentity: Equatable, Sendable {
    package let id: Int32
    /// In ticks since the kernel's start; tells a process from a later one of the same number.
    package let startTime: UInt64
    /// Of the kernel and its space of process numbers: among equal machines numbers mean the same.
    package let machine: UInt64

    /// What can be seen of a process from outside.
    package enum Sign: Equatable, Sendable {
        case goesOn
        /// By a signal, or a debugger.
        case stopped
        /// In a call of the system that nothing interrupts.
        case blocked
        case gone
    }

    package init(id: Int32, startTime: UInt64, machine: UInt64) {
        self.id = id
        self.startTime = startTime
        self.machine = machine
    }

    /// This process.
    package static var own: ProcessIdentity {
        let id = getpid()
        return ProcessIdentity(id: id, startTime: status(of: id)?.startTime ?? 0, machine: machineHere)
    }

    /// How the process is; nil for one on another machine, which can't be seen from here.
    package func sign(seenFrom machine: UInt64) -> Sign? {
        guard machine == self.machine else { return nil }
        guard let status = Self.status(of: id), status.startTime == startTime else { return .gone }
        switch status.state {
        case UInt8(ascii: "T"), UInt8(ascii: "t"): return .stopped
        case UInt8(ascii: "D"): return .blocked
        case UInt8(ascii: "Z"), UInt8(ascii: "X"): return .gone
        default: return .goesOn
        }
    }

    /// State and start of a process, by its line in /proc; nil if there is none.
    private static func status(of id: Int32) -> (state: UInt8, startTime: UInt64)? {
        let text = contents(of: "/proc/\(id)/stat")
        // The name in parentheses can hold anything, parentheses too.
        guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19, let state = fields[0].first else { return nil }
        return (state, UInt64(String(decoding: fields[19], as: UTF8.self)) ?? 0)
    }

    private static var machineHere: UInt64 {
        var name = [CChar](repeating: 0, count: 256)
        let length = readlink("/proc/self/ns/pid", &name, name.count)
        let space = name.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }
        return ContentHash(contents(of: "/proc/sys/kernel/random/boot_id") + space).value
    }

    /// The first page of a file; empty if it can't be read.
    private static func contents(of path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = max(read(descriptor, buffer.baseAddress, buffer.count), 0)
        }
    }
}
