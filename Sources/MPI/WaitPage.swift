// What this process is doing, for a thread that watches it.

import CMPI
import Synchronization

/// What the main thread is doing: the call it waits in, how many it has waited in, and what its program says beside that.
/// Other names: heartbeat, flight recorder.
///
/// The main thread alone writes, any thread may read. Every call of this module that may wait for another rank marks itself
/// here: two stores and no look at a clock, so that whoever wants to know for how long nothing has changed has to look again
/// and again.
package struct WaitPage: ~Copyable, Sendable {
    /// The name of the call that waits: the address of its zero-terminated characters, 0 where none does.
    private let call = Atomic<UInt>(0)
    private let count = Atomic<Int>(0)
    private let phase = Atomic<Int>(0)
    private let steps = Atomic<Int>(0)

    init() {}

    /// What stands on the page. Equal samples at two looks mean that nothing has changed, unless 2^63 calls lie between.
    package struct Sample: Equatable, Sendable {
        /// The call that waits for other ranks, as the standard names it; nil where the main thread does something else.
        package var call: String?
        /// Calls that can wait, since the start.
        package var calls: Int
        /// What the program is in; the number's meaning is the program's own, 0 at first.
        package var phase: Int
        /// How far the program is, by its own count.
        package var steps: Int

        package init(call: String?, calls: Int, phase: Int, steps: Int) {
            self.call = call
            self.calls = calls
            self.phase = phase
            self.steps = steps
        }
    }

    /// What stands there now.
    package var sample: Sample {
        let name = UnsafePointer<CChar>(bitPattern: call.load(ordering: .relaxed))
        return Sample(
            call: name.map { String(cString: $0) }, calls: count.load(ordering: .relaxed),
            phase: phase.load(ordering: .relaxed), steps: steps.load(ordering: .relaxed))
    }

    /// Says what the program is in from now on.
    package func note(phase number: Int) { phase.store(number, ordering: .relaxed) }

    /// Says how far the program is.
    package func note(steps number: Int) { steps.store(number, ordering: .relaxed) }

    /// Marks the time of `body` as a wait for other ranks.
    @inline(__always)
    package func waiting<R>(in name: StaticString, _ body: () -> R) -> R {
        // Only this thread writes: no addition that would lock the line.
        count.store(count.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        call.store(UInt(bitPattern: name.utf8Start), ordering: .relaxed)
        let result = body()
        call.store(0, ordering: .relaxed)
        return result
    }
}

/// A call of MPI that may wait for other ranks: marked on the page, its code checked. `name` is its name in the standard.
@inline(__always)
func waiting(_ name: StaticString, _ body: () -> Int32) throws(MPIError) {
    let code = Job.page.waiting(in: name, body)
    if code != MPI_SUCCESS { try check("\(name)", code) }
}
