import Glibc
import Synchronization

/// The signals that ask a training for its end. Their handler sets a flag and does nothing else; whoever wants to know looks.
package enum StopSignals {
    /// `1 << number` for each that has come.
    private static let received = Atomic<UInt64>(0)

    /// Rings at each SIGTERM.
    static let termination = Alarm()

    private static let reasons: [(number: Int32, reason: StopReason)] = [
        (SIGUSR1, .userSignal1), (SIGUSR2, .userSignal2), (SIGXCPU, .cpuTime), (SIGURG, .urgent),
        (SIGTERM, .terminate), (SIGINT, .interrupt),
    ]

    /// From here on they end nothing by themselves, but for a second SIGINT. Calls of the system that they interrupt go on.
    package static func install() {
        // What a handler uses is made before: it must not wait for a lock.
        _ = termination
        _ = received.load(ordering: .relaxed)
        for (number, _) in reasons {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { StopSignals.note($0) }
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
    }

    /// In the handler: only what may be called there.
    private static func note(_ number: Int32) {
        let before = received.bitwiseOr(1 << UInt64(number), ordering: .relaxed).oldValue
        if number == SIGTERM { termination.ring() }
        if number == SIGINT, before & (1 << UInt64(SIGINT)) != 0 {
            signal(SIGINT, SIG_DFL)
            raise(SIGINT)
        }
    }

    /// What has come to this process since it was last asked.
    ///
    /// - Parameter savesOnUser1: SIGUSR1 requests a checkpoint, no end.
    static func requests(savesOnUser1: Bool) -> StepRequests {
        guard received.load(ordering: .relaxed) != 0 else { return [] }
        // SIGINT stays noted: the second one is to be known as such.
        let signals = received.bitwiseAnd(1 << UInt64(SIGINT), ordering: .relaxed).oldValue
        var requests: StepRequests = []
        for (number, reason) in reasons where signals & (1 << UInt64(number)) != 0 {
            requests.formUnion(number == SIGUSR1 && savesOnUser1 ? .checkpoint : StepRequests(stop: reason))
        }
        return requests
    }
}
