import Glibc
import RunFolder
import System

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
        return ProcessIdentity(
            id: id, startTime: ProcessStatus(of: id)?.startTime ?? 0, machine: Hash64(ProcessStatus.machine).value)
    }

    /// How the process is; nil for one on another machine, which can't be seen from here.
    package func sign(seenFrom machine: UInt64) -> Sign? {
        guard machine == self.machine else { return nil }
        guard let status = ProcessStatus(of: id), status.startTime == startTime, !status.isGone else { return .gone }
        switch status.state {
        case UInt8(ascii: "T"), UInt8(ascii: "t"): return .stopped
        case UInt8(ascii: "D"): return .blocked
        default: return .goesOn
        }
    }
}
