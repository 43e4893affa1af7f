import Glibc
import System

/// Wakes a thread from a signal handler, in which little may be called; write may (POSIX.1-2017, 2.4.3).
struct Alarm: Sendable {
    /// The ends of a pipe, never closed, since a signal may always come; -1 where the system has none to give.
    private let (output, input): (Int32, Int32)

    init() {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        for end in ends where end >= 0 {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (output, input) = (ends[0], ends[1])
    }

    func ring() {
        var byte: UInt8 = 1
        _ = write(input, &byte, 1)
    }

    /// Waits for it, but no longer than so many seconds. Returns whether it has rung since it was last waited for.
    func wait(seconds: Double) -> Bool {
        var ready = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, Int32(1e3 * seconds)) == 1 else { return false }
        var bytes = [UInt8](repeating: 0, count: 64)
        return read(output, &bytes, bytes.count) > 0
    }
}
