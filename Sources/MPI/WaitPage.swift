// The main thread's progress, for a watching thread.

import CMPI
import Synchronization

/// What the main thread is doing: the call it waits in, the number of such calls so far, and the program's phase and
/// step. Other names: heartbeat, flight recorder.
///
/// Only the main thread writes; any thread may read. Every call of this module that may wait for another rank is
/// recorded here. Two relaxed stores, no clock read: the watcher polls and measures elapsed time itself.
package struct WaitPage: ~Copyable, Sendable {
    /// The address of the zero-terminated name of the waiting call; 0 if there is none.
    private let call = Atomic<UInt>(0)
    private let count = Atomic<Int>(0)
    private let phase = Atomic<Int>(0)
    private let steps = Atomic<Int>(0)

    init() {}

    /// The page's content. Two equal samples mean that nothing has changed between them, unless 2^63 calls were made.
    package struct Sample: Equatable, Sendable {
        /// The call that waits for other ranks, by its name in the standard; nil if the main thread is not in such a
        /// call.
        package var call: String?
        /// The number of calls that can wait, since the start.
        package var calls: Int
        /// The program's phase; the program defines the values, initially 0.
        package var phase: Int
        /// The program's step count.
        package var steps: Int

        package init(call: String?, calls: Int, phase: Int, steps: Int) {
            self.call = call
            self.calls = calls
            self.phase = phase
            self.steps = steps
        }
    }

    /// The current content.
    package var sample: Sample {
        let name = UnsafePointer<CChar>(bitPattern: call.load(ordering: .relaxed))
        return Sample(
            call: name.map { String(cString: $0) }, calls: count.load(ordering: .relaxed),
            phase: phase.load(ordering: .relaxed), steps: steps.load(ordering: .relaxed))
    }

    /// Sets the program's phase.
    package func note(phase number: Int) { phase.store(number, ordering: .relaxed) }

    /// Sets the program's step count.
    package func note(steps number: Int) { steps.store(number, ordering: .relaxed) }

    /// Records `body` as a wait for other ranks while it runs.
    @inline(__always)
    package func waiting<R>(in name: StaticString, _ body: () -> R) -> R {
        // Only this thread writes, so no atomic read-modify-write is needed.
        count.store(count.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        call.store(UInt(bitPattern: name.utf8Start), ordering: .relaxed)
        let result = body()
        call.store(0, ordering: .relaxed)
        return result
    }
}

/// An MPI call that may wait for other ranks: recorded on the page, its code checked. `name` is its name in the
/// standard.
@inline(__always)
func waiting(_ name: StaticString, _ body: () -> Int32) throws(MPIError) {
    let code = Job.page.waiting(in: name, body)
    if code != MPI_SUCCESS { try check("\(name)", code) }
}
