import Glibc
import System

/// Wakes a thread from a signal handler, in which few functions may be called; write is one of them (POSIX.1-2017,
/// 2.4.3).
struct Alarm: Sendable {
    /// The ends of a pipe, never closed, since a signal can arrive at any time; -1 if the system can't create one.
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

    /// Waits for the alarm for at most the given number of seconds. Returns whether it has rung since the last wait.
    func wait(seconds: Double) -> Bool {
        var ready = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, Int32(1e3 * seconds)) == 1 else { return false }
        var bytes = [UInt8](repeating: 0, count: 64)
        return read(output, &bytes, bytes.count) > 0
    }
}
