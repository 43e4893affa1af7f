package import Glibc

/// Seconds on a monotonic clock.
package func secondsNow() -> Double { seconds(on: CLOCK_MONOTONIC) }

/// Seconds on one of the system's clocks, also of the CPU time of a process or a thread.
package func seconds(on clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
