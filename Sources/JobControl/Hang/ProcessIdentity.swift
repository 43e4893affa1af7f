import Glibc
import RunFolder
import System

/// Identifies a rank's process, so that other ranks on the same machine can observe its state.
package struct ProcessIdentity: Equatable, Sendable {
    package let id: Int32
    /// In ticks since the kernel's start; distinguishes a process from a later one with the same number.
    package let startTime: UInt64
    /// A hash of the kernel and its process namespace: if it is equal, process numbers have the same meaning.
    package let machine: UInt64

    /// The state of a process as observed from outside.
    package enum Sign: Equatable, Sendable {
        case goesOn
        /// Stopped by a signal or a debugger.
        case stopped
        /// In an uninterruptible system call.
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

    /// The state of the process; nil if it runs on another machine.
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
