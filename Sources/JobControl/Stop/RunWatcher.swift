import Foundation
import Glibc
package import RunFolder
import Synchronization
import System

/// The root's thread beside a training: keeps the run folder's lock alive, looks for a stop file and asks the scheduler for the time
/// that is left, so that none of it holds up a step.
package final class RunWatcher: Sendable {
    private let run: RunDirectory
    package let lock: RunLock
    /// 0: none, 1: with a checkpoint, 2: now.
    private let request = Atomic<UInt8>(0)
    /// Milliseconds on the clock of `secondsNow`; 0: unknown.
    private let end = Atomic<Int64>(0)
    /// Of the last heartbeat, in milliseconds on `clock`.
    private let lastBeat = Atomic<Int64>(Int64.min)
    private let isOver = Atomic<Bool>(false)

    /// Seconds between looks at the stop file, and between questions to the scheduler.
    private static let look = 0.25
    private static let question = 120.0
    /// Seconds of a job that are its script's.
    private static let afterwards = 10.0

    /// Starts the thread. A stop file of an earlier leg must be gone.
    package init(_ run: RunDirectory, _ lock: RunLock) {
        self.run = run
        self.lock = lock
        lastBeat.store(Self.clock(), ordering: .relaxed)
        Thread.detachNewThread { self.work() }
    }

    /// What `lstm-dist stop` has asked for.
    var stopRequest: StopRequest? {
        switch request.load(ordering: .relaxed) {
        case 1: .checkpoint
        case 2: .now
        default: nil
        }
    }

    /// When the training is to be over for the scheduler's sake, on the clock of `secondsNow`: before it ends the job by as long as a
    /// job script may need to end the ranks and to put the job back into the queue.
    var endOfJob: Double? {
        let end = end.load(ordering: .relaxed)
        return end > 0 ? Double(end) / 1000 - Self.afterwards : nil
    }

    /// Goes on while the machine sleeps.
    private static func clock() -> Int64 { Int64(1000 * seconds(on: CLOCK_BOOTTIME)) }

    /// Whether the run folder is known not to be this job's any more. After two heartbeats that were missed, as when the job was
    /// suspended, the caller looks for itself: others may have taken the folder meanwhile.
    var hasLostFolder: Bool {
        if Self.clock() - lastBeat.load(ordering: .relaxed) > Int64(2000 * RunLock.heartbeat) { try? lock.check() }
        return lock.loss != nil
    }

    /// Ends the thread, and gives the run folder free.
    package func finish() {
        isOver.store(true, ordering: .relaxed)
        lock.release()
    }

    private func work() {
        var lastQuestion = -Double.infinity
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
            if now - lastQuestion >= Self.question {
                if let left = Scheduler.currentSecondsLeft {
                    end.store(Int64(1000 * (now + left)), ordering: .relaxed)
                }
                lastQuestion = now
            }
            Thread.sleep(forTimeInterval: Self.look)
        }
    }
}
