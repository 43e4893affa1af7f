import Foundation
import Glibc
import Kernels
import Synchronization
import System

/// The threads that a rank computes with: the one that made the team, which alone calls MPI, and `count` - 1 others, which
/// wait for work from the team's beginning to its end. A team of one starts no thread.
///
/// Only the thread that made the team calls its methods, and never from within `run`.
package final class ThreadTeam {
    /// Threads, the calling one among them.
    package let count: Int
    private let rounds = Rounds()
    /// Of the other threads; they hold `rounds`, not the team, so that the team can end.
    private var threads: [pthread_t] = []

    /// Bytes of a thread's stack: what the main thread usually has.
    private static let stackBytes = 8 << 20

    /// Starts the threads. They take no signals: those are for the main thread.
    ///
    /// - Throws: a `CommandError` if the system has no thread left to give; those started have ended then.
    package init(_ count: Int) throws {
        precondition(count > 0, "a team has threads")
        self.count = count
        guard count > 1 else { return }
        for thread in 1..<count {
            let (code, id) = startThread(stackBytes: Self.stackBytes) { [rounds] in rounds.takePart(thread) }
            guard code == 0 else {
                end()
                throw CommandError.failure(
                    "--threads-per-rank \(count): on \(ProcessInfo.processInfo.hostName) thread \(thread + 1) of a rank can't "
                        + "be started: \(String(cString: strerror(code))); accepted: fewer threads, or a higher limit "
                        + "(ulimit -u, ulimit -v)")
            }
            threads.append(id)
        }
    }

    deinit { end() }

    /// Calls `body` once on each thread, at the same time, with the thread's number from 0; the calling thread is number 0.
    /// Returns when all calls have ended. What they wrote is then seen by the caller, as they see what it wrote before.
    ///
    /// The compiler doesn't check what the calls do to the same memory: `body` writes only to what is its thread's own.
    ///
    /// - Throws: what `body` threw, on the lowest thread if on several; the other calls have ended as well.
    package func run<Failure: Error>(_ body: (_ thread: Int) throws(Failure) -> Void) throws(Failure) {
        guard !threads.isEmpty else { return try body(0) }
        // On the stack: a step allocates nothing.
        let failure = withUnsafeTemporaryAllocation(of: Failure?.self, capacity: count) { memory -> Failure? in
            memory.initialize(repeating: nil)
            defer { memory.deinitialize() }
            let places = memory
            rounds.perform(others: count - 1) { thread in
                do throws(Failure) { try body(thread) } catch { places[thread] = error }
            }
            return places.lazy.compactMap { $0 }.first
        }
        if let failure { throw failure }
    }

    /// What `body` returns on each thread, in their order; else as `run`.
    package func map<R, Failure: Error>(_ body: (_ thread: Int) throws(Failure) -> R) throws(Failure) -> [R] {
        guard !threads.isEmpty else { return [try body(0)] }
        var results = [R?](repeating: nil, count: count)
        try results.withUnsafeMutableBufferPointer { (memory) throws(Failure) in
            let places = memory
            try run { (thread) throws(Failure) in places[thread] = try body(thread) }
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

/// Hands work to threads round by round.
///
/// `@unchecked Sendable`: `body` alone is neither constant nor atomic. The caller of `perform` writes it before it raises
/// `begun`, the threads read it after they have seen that, and it stays until all have lowered `unfinished`.
private final class Rounds: @unchecked Sendable {
    /// Rounds begun so far.
    private let begun = Atomic<Int>(0)
    /// Threads that are still at the round's work.
    private let unfinished = Atomic<Int>(0)
    /// Where threads sleep that have waited long.
    private let changed = NSCondition()
    /// The round's work; nil ends the threads.
    private var body: ((_ thread: Int) -> Void)?

    /// As ranks wait for each other (`SharedCounters`): often at first, then letting others run in between. A thread that has
    /// nothing to do for longer, as in validations or while messages travel, sleeps.
    private static let looksBeforeYielding = 200
    private static let looksBeforeSleeping = 2000

    /// Lets `others` threads and, as number 0, the calling one carry out `body`; returns when all have.
    func perform(others: Int, _ body: (_ thread: Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            begin(others, body)
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

    private func begin(_ others: Int, _ body: ((_ thread: Int) -> Void)?) {
        // Under the lock no thread can fall asleep between its last look and the call that wakes it.
        changed.lock()
        self.body = body
        unfinished.store(others, ordering: .relaxed)
        begun.add(1, ordering: .releasing)
        changed.broadcast()
        changed.unlock()
    }

    /// A thread's life.
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

    /// Does this thread's part of the round; false if there is none any more. A function of its own, so that nothing of the
    /// work is held any longer when the thread says that it has finished.
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
