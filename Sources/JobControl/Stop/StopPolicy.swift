package import RunFolder
import System

/// Where a rank's requests for a leg's end come from: its signals; at the root also the stop file, the clock and the scheduler.
///
/// Asked once a step, it costs a few loads and at the root a look at the clock: what takes longer is done by `RunWatcher`.
package struct StopPolicy {
    private let times: StopTimes
    private let savesOnUser1: Bool
    /// At the root alone.
    private let watch: RunWatcher?
    /// Seconds of the longest checkpoint and the longest validation so far.
    private var checkpoint = 1.0
    private var validation = 0.0
    /// Of the last steps: the longest counts, and fades.
    private var step = 0.0

    /// - Parameter savesOnUser1: SIGUSR1 saves, and training goes on.
    package init(_ times: StopTimes, savesOnUser1: Bool, watch: RunWatcher?) {
        self.times = times
        self.savesOnUser1 = savesOnUser1
        self.watch = watch
    }

    package mutating func noteCheckpoint(seconds: Double) { checkpoint = max(checkpoint, seconds) }
    package mutating func noteValidation(seconds: Double) { validation = max(validation, seconds) }
    package mutating func noteStep(seconds: Double) { step = max(0.9 * step, seconds) }

    /// At the root alone: nil elsewhere.
    package var lock: RunLock? { watch?.lock }

    /// Whether the run folder is known not to be this job's any more; only the root can know.
    package var hasLostFolder: Bool { watch?.hasLostFolder ?? false }

    /// What this rank requests after the step that is to be done.
    ///
    /// - Parameter validates: a validation will follow that step.
    package func requests(validates: Bool) -> StepRequests {
        var requests = StopSignals.requests(savesOnUser1: savesOnUser1)
        guard let watch else { return requests }
        if watch.hasLostFolder { requests.formUnion(StepRequests(stop: .folderLost)) }
        switch watch.stopRequest {
        case .checkpoint: requests.formUnion(StepRequests(stop: .stopFile))
        case .now: requests.formUnion(StepRequests(stop: .stopFileNow))
        case nil: break
        }
        // Time for the checkpoint twice over, and for what is done before this is asked again.
        let late = secondsNow() + 2 * checkpoint + 3 * step + (validates ? validation : 0)
        for (deadline, reason) in [
            (watch.endOfJob, StopReason.timeLeft), (times.maxTime, .maxTime), (times.stopAt, .stopAt),
        ] where deadline.map({ late >= $0 }) ?? false { requests.formUnion(StepRequests(stop: reason)) }
        return requests
    }
}
