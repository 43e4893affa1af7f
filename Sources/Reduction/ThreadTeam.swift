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

    /// Calls `body` once on each thread, concurrently, with the thread's number from 0; the calling thread is number 0.
    /// Returns when all calls have returned. Memory written before the call is visible to the threads, and what they
    /// write is visible to the caller afterwards.
    ///
    /// The compiler does not check accesses to shared memory: `body` must write only to memory that belongs to its
    /// thread.
    ///
    /// - Throws: the error of `body`, on the lowest thread if several threw; the other calls have returned as well.
    package func run<Failure: Error>(_ body: (_ thread: Int) throws(Failure) -> Void) throws(Failure) {
        guard !threads.isEmpty else { return try body(0) }
        // On the stack, since a step must not allocate.
        let failure = withUnsafeTemporaryAllocation(of: Failure?.self, capacity: count) { memory -> Failure? in
            memory.initialize(repeating: nil)
            defer { memory.deinitialize() }
            let slots = memory
            rounds.perform(remaining: count - 1) { thread in
                do throws(Failure) { try body(thread) } catch { slots[thread] = error }
            }
            return slots.lazy.compactMap { $0 }.first
        }
        if let failure { throw failure }
    }

    /// Returns the results of `body` in the order of the threads; otherwise as `run`.
    package func map<R, Failure: Error>(_ body: (_ thread: Int) throws(Failure) -> R) throws(Failure) -> [R] {
        guard !threads.isEmpty else { return [try body(0)] }
        var results = [R?](repeating: nil, count: count)
        try results.withUnsafeMutableBufferPointer { (memory) throws(Failure) in
            let slots = memory
            try run { (thread) throws(Failure) in slots[thread] = try body(thread) }
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
