// How ranks of a host tell each other how far they are, without a message.

import Glibc
import Synchronization

/// A number a rank in memory that all of them share: each rank raises its own and reads the others'. What a rank wrote
/// to shared memory before it raised its number is seen by whoever has read that number (release and acquire).
///
/// Made by `SharedWindow.counters`; valid until the window is freed.
package struct SharedCounters {
    private let counters: [UnsafeMutablePointer<Atomic<Int>>]
    private let rank: Int

    /// - Parameter places: of each rank's number, by rank; zero at first, each on a cache line of its own.
    init(_ places: [UnsafeMutableRawPointer], rank: Int) {
        counters = places.map { $0.assumingMemoryBound(to: Atomic<Int>.self) }
        self.rank = rank
    }

    /// Raises this rank's number.
    package func advance(to value: Int) { counters[rank].pointee.store(value, ordering: .releasing) }

    /// Whether every rank's number is at least `value`.
    package func haveAll(reached value: Int) -> Bool {
        counters.allSatisfy { $0.pointee.load(ordering: .acquiring) >= value }
    }

    /// Returns when every rank's number is at least `value`. Looks often at first; then lets other processes run in
    /// between, which matters where there are more ranks than cores.
    package func waitForAll(toReach value: Int) {
        Job.page.waiting(in: "a meeting in shared memory") {
            for counter in counters {
                var looks = 0
                while counter.pointee.load(ordering: .acquiring) < value {
                    looks += 1
                    if looks > Self.looksBeforeYielding { sched_yield() }
                }
            }
        }
    }

    private static let looksBeforeYielding = 200
}
