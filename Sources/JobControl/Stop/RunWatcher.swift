import Foundation
import Glibc
package import RunFolder
import Synchronization
import System

/// The root's background thread during training: updates the heartbeat of the run folder's lock, polls for a stop file
/// and queries the scheduler for the time left, so that none of this delays a step.
package final class RunWatcher: Sendable {
    private let run: RunDirectory
    package let lock: RunLock
    /// 0: none, 1: with a checkpoint, 2: now.
    private let request = Atomic<UInt8>(0)
    /// Milliseconds on the clock of `secondsNow`; 0: unknown.
    private let end = Atomic<Int64>(0)
    /// The time of the last heartbeat, in milliseconds on `clock`.
    private let lastBeat = Atomic<Int64>(Int64.min)
    private let isOver = Atomic<Bool>(false)

    /// Seconds between polls of the stop file, and between queries to the scheduler.
    private static let pollInterval = 0.25
    private static let queryInterval = 120.0
    /// Seconds at the end of a job that are reserved for its script.
    private static let afterwards = 10.0

    /// Starts the thread. The stop file of an earlier session must have been removed.
    package init(_ run: RunDirectory, _ lock: RunLock) {
        self.run = run
        self.lock = lock
        lastBeat.store(Self.clock(), ordering: .relaxed)
        Thread.detachNewThread { self.work() }
    }

    /// The request of `lstm-dist stop`; nil if there is none.
    var stopRequest: StopRequest? {
        switch request.load(ordering: .relaxed) {
        case 1: .checkpoint
        case 2: .now
        default: nil
        }
    }

    /// When training must end because the scheduler ends the job, on the clock of `secondsNow`: early enough for a job
    /// script to end the ranks and to requeue the job.
    var endOfJob: Double? {
        let end = end.load(ordering: .relaxed)
        return end > 0 ? Double(end) / 1000 - Self.afterwards : nil
    }

    /// Milliseconds on a clock that also advances while the machine sleeps.
    private static func clock() -> Int64 { Int64(1000 * seconds(on: CLOCK_BOOTTIME)) }

    /// Whether this job is known to have lost the run folder. After two missed heartbeats, as when the job was
    /// suspended, this checks the lock itself: another job may have taken it over.
    var hasLostFolder: Bool {
        if Self.clock() - lastBeat.load(ordering: .relaxed) > Int64(2000 * RunLock.heartbeat) { try? lock.check() }
        return lock.loss != nil
    }

    /// Ends the thread and releases the run folder's lock.
    package func finish() {
        isOver.store(true, ordering: .relaxed)
        lock.release()
    }

    private func work() {
        var lastQuery = -Double.infinity
        while !isOver.load(ordering: .relaxed) {
            let now = secondsNow()
            switch run.readStopRequest() {
            case .checkpoint: request.store(1, ordering: .relaxed)
            case .now: request.store(2, ordering: .relaxed)
            case nil: request.store(0, ordering: .relaxed)
            }
            if Self.clock() - lastBeat.load(ordering: .relaxed) >= Int64(1000 * RunLock.heartbeat) {
                lock.beat()
                lastBeat.store(Self.clock(), ordering: .relaxed)
            }
            if now - lastQuery >= Self.queryInterval {
                if let left = Scheduler.currentSecondsLeft {
                    end.store(Int64(1000 * (now + left)), ordering: .relaxed)
                }
                lastQuery = now
            }
            Thread.sleep(forTimeInterval: Self.pollInterval)
        }
    }
}
