package import RunFolder
import System

/// Collects this rank's reasons to stop: its signals; on the root also the stop file, the clock and the scheduler.
///
/// Called once a step, it costs a few loads and, on the root, one clock read; `RunWatcher` does what takes longer.
package struct StopPolicy {
    private let times: StopTimes
    private let savesOnUser1: Bool
    /// Only on the root.
    private let watch: RunWatcher?
    /// Seconds of the longest checkpoint and of the longest validation so far.
    private var checkpoint = 1.0
    private var validation = 0.0
    /// Seconds of the longest of the last steps, which decays by a tenth with each step.
    private var step = 0.0

    /// - Parameter savesOnUser1: whether SIGUSR1 saves a checkpoint and training continues.
    package init(_ times: StopTimes, savesOnUser1: Bool, watch: RunWatcher?) {
        self.times = times
        self.savesOnUser1 = savesOnUser1
        self.watch = watch
    }

    package mutating func noteCheckpoint(seconds: Double) { checkpoint = max(checkpoint, seconds) }
    package mutating func noteValidation(seconds: Double) { validation = max(validation, seconds) }
    package mutating func noteStep(seconds: Double) { step = max(0.9 * step, seconds) }

    /// The run folder's lock; nil on all ranks but the root.
    package var lock: RunLock? { watch?.lock }

    /// Whether this job is known to have lost the run folder; only the root knows.
    package var hasLostFolder: Bool { watch?.hasLostFolder ?? false }

    /// The requests of this rank after the next step.
    ///
    /// - Parameter validates: whether a validation follows that step.
    package func requests(validates: Bool) -> StepRequests {
        var requests = StopSignals.requests(savesOnUser1: savesOnUser1)
        guard let watch else { return requests }
        if watch.hasLostFolder { requests.formUnion(StepRequests(stop: .folderLost)) }
        switch watch.stopRequest {
        case .checkpoint: requests.formUnion(StepRequests(stop: .stopFile))
        case .now: requests.formUnion(StepRequests(stop: .stopFileNow))
        case nil: break
        }
        // Twice the time of a checkpoint, and the time until the next call.
        let late = secondsNow() + 2 * checkpoint + 3 * step + (validates ? validation : 0)
        for (deadline, reason) in [
            (watch.endOfJob, StopReason.timeLeft), (times.maxTime, .maxTime), (times.stopAt, .stopAt),
        ] where deadline.map({ late >= $0 }) ?? false { requests.formUnion(StepRequests(stop: reason)) }
        return requests
    }
}
