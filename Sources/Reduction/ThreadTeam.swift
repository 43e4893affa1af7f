import Foundation
import Glibc
import Kernels
import Synchronization
import System

/// The threads that a rank computes with: the thread that made the team, which alone calls MPI, and `count` - 1 further
/// threads, which wait for work for the lifetime of the team. A team of one starts no thread.
///
/// Only the thread that made the team calls its methods, and never from within `run`.
package final class ThreadTeam {
    /// The number of threads, including the calling one.
    package let count: Int
    private let rounds = Rounds()
    /// The other threads. They hold `rounds`, not the team, so that the team can be deallocated.
    private var threads: [pthread_t] = []

    /// Bytes of a thread's stack: the usual size for the main thread.
    private static let stackBytes = 8 << 20

    /// Starts the threads. They block signals, which the main thread handles.
    ///
    /// - Throws: a `CommandError` if the system can't start a thread; the threads started before have ended by then.
    package init(_ count: Int) throws {
        precondition(count > 0, "a team has threads")
        self.count = count
        guard count > 1 else { return }
        for thread in 1..<count {
            let (code, id) = startThread(stackBytes: Self.stackBytes) { [rounds] in rounds.takePart(thread) }
            guard code == 0 else {
                end()
                throw CommandError.failure(
                    "--threads-per-rank \(count): can't start thread \(thread + 1) of a rank on "
                        + "\(ProcessInfo.processInfo.hostName): \(String(cString: strerror(code))); use fewer threads, or "
                        + "raise the limit (ulimit -u, ulimit -v)")
            }
            threads.append(id)
        }
    }

    deinit { end() }

    /// Calls `body` once on each thread, concurrently, with the thread's index from 0; the calling thread has index 0. Returns
    /// when all calls have ended. The caller then sees what they wrote, as they see what it wrote before.
    ///
    /// The compiler doesn't check concurrent accesses to memory: each call of `body` must write only to memory of its thread.
    package func run(_ body: (_ thread: Int) -> Void) {
        guard !threads.isEmpty else { return body(0) }
        rounds.perform(remaining: count - 1, body)
    }

    /// As `run`, for a `body` that throws. (Not one generic function: called from another module it would not be specialised,
    /// and allocate.)
    ///
    /// - Throws: the error of `body` on the lowest thread that failed; the other calls have ended as well.
    package func attempt(_ body: (_ thread: Int) throws -> Void) throws {
        guard !threads.isEmpty else { return try body(0) }
        // On the stack: a step allocates nothing.
        let failure = withUnsafeTemporaryAllocation(of: (any Error)?.self, capacity: count) { memory -> (any Error)? in
            memory.initialize(repeating: nil)
            defer { memory.deinitialize() }
            let errors = memory
            rounds.perform(remaining: count - 1) { thread in
                do { try body(thread) } catch { errors[thread] = error }
            }
            for thread in 0..<count where errors[thread] != nil { return errors[thread] }
            return nil
        }
        if let failure { throw failure }
    }

    /// Returns the results of `body` in the order of the threads; otherwise as `run`.
    package func map<R>(_ body: (_ thread: Int) -> R) -> [R] {
        guard !threads.isEmpty else { return [body(0)] }
        var results = [R?](repeating: nil, count: count)
        results.withUnsafeMutableBufferPointer { memory in
            let slots = memory
            run { thread in slots[thread] = body(thread) }
        }
        return results.compactMap { $0 }
    }

    private func end() {
        guard !threads.isEmpty else { return }
        rounds.end()
        for id in threads { pthread_join(id, nil) }
        threads = []
    }
}

/// Distributes work to threads in rounds.
///
/// `@unchecked Sendable`: only `body` is neither constant nor atomic. The caller of `perform` writes it before it
/// increments `begun`, the threads read it after they have seen the increment, and it does not change until all have
/// decremented `unfinished`.
private final class Rounds: @unchecked Sendable {
    /// Rounds begun so far.
    private let begun = Atomic<Int>(0)
    /// The number of threads that have not finished the round's work.
    private let unfinished = Atomic<Int>(0)
    /// Signalled when a round begins; threads that have waited long sleep on it.
    private let changed = NSCondition()
    /// The round's work; nil ends the threads.
    private var body: ((_ thread: Int) -> Void)?

    /// Threads wait as ranks do (`SharedCounters`): they spin at first, then yield between looks. A thread that waits
    /// longer, for example during validation or communication, sleeps.
    private static let looksBeforeYielding = 200
    private static let looksBeforeSleeping = 2000

    /// Runs `body` on `remaining` other threads and, as number 0, on the calling one; returns when all calls have
    /// returned.
    func perform(remaining: Int, _ body: (_ thread: Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            begin(remaining, body)
            body(0)
            var looks = 0
            while unfinished.load(ordering: .acquiring) > 0 {
                looks += 1
                if looks > Self.looksBeforeYielding { sched_yield() }
            }
            self.body = nil
        }
    }

    /// Ends the threads, between rounds.
    func end() { begin(0, nil) }

    private func begin(_ remaining: Int, _ body: ((_ thread: Int) -> Void)?) {
        // Under the lock, no thread can fall asleep between its last look and the broadcast.
        changed.lock()
        self.body = body
        unfinished.store(remaining, ordering: .relaxed)
        begun.add(1, ordering: .releasing)
        changed.broadcast()
        changed.unlock()
    }

    /// The main function of a thread.
    func takePart(_ thread: Int) {
        prepareThreadForKernels()
        var round = 1
        while true {
            wait(for: round)
            guard work(thread) else { return }
            unfinished.subtract(1, ordering: .releasing)
            round += 1
        }
    }

    /// Does this thread's part of the round; returns false if the team has ended. A separate function, so that nothing
    /// of the work is retained when the thread reports that it has finished.
    @inline(never)
    private func work(_ thread: Int) -> Bool {
        guard let body else { return false }
        body(thread)
        return true
    }

    private func wait(for round: Int) {
        for look in 0..<Self.looksBeforeSleeping {
            if begun.load(ordering: .acquiring) >= round { return }
            if look > Self.looksBeforeYielding { sched_yield() }
        }
        changed.lock()
        while begun.load(ordering: .acquiring) < round { changed.wait() }
        changed.unlock()
    }
}
