package import Glibc

/// Seconds on a clock that only goes forward.
package func secondsNow() -> Double { seconds(on: CLOCK_MONOTONIC) }

/// Seconds of a clock of the system: one of those of a process's or a thread's time on cores, too.
package func seconds(on clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
