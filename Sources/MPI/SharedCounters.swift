// Progress counters of the ranks of a host, in shared memory instead of messages.

import Glibc
import Synchronization

/// One counter per rank, in memory that all ranks of the host share: each rank advances its own and reads the others'.
/// A rank that has read a counter's value sees all writes to shared memory that preceded it (release and acquire).
///
/// Made by `SharedWindow.counters`; valid until the window is freed.
package struct SharedCounters {
    private let counters: [UnsafeMutablePointer<Atomic<Int>>]
    private let rank: Int

    /// - Parameter addresses: of each rank's counter, by rank; initially zero, each in a separate cache line.
    init(_ addresses: [UnsafeMutableRawPointer], rank: Int) {
        counters = addresses.map { $0.assumingMemoryBound(to: Atomic<Int>.self) }
        self.rank = rank
    }

    /// Sets this rank's counter to a larger value.
    package func advance(to value: Int) { counters[rank].pointee.store(value, ordering: .releasing) }

    /// Whether every rank's counter is at least `value`.
    package func haveAll(reached value: Int) -> Bool {
        counters.allSatisfy { $0.pointee.load(ordering: .acquiring) >= value }
    }

    /// Returns when every rank's counter is at least `value`. Spins at first, then yields the core between reads, which
    /// matters if there are more ranks than cores.
    package func waitForAll(toReach value: Int) {
        Job.page.waiting(in: "a shared-memory barrier") {
            for counter in counters {
                var reads = 0
                while counter.pointee.load(ordering: .acquiring) < value {
                    reads += 1
                    if reads > Self.readsBeforeYielding { sched_yield() }
                }
            }
        }
    }

    private static let readsBeforeYielding = 200
}
