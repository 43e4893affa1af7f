import Glibc
import Synchronization

/// The signals that request the end of training. Their handler only sets a flag, which the training loop polls.
package enum StopSignals {
    /// `1 << number` for each signal that has been received.
    private static let received = Atomic<UInt64>(0)

    /// Rings at each SIGTERM.
    static let termination = Alarm()

    private static let reasons: [(number: Int32, reason: StopReason)] = [
        (SIGUSR1, .userSignal1), (SIGUSR2, .userSignal2), (SIGXCPU, .cpuTime), (SIGURG, .urgent),
        (SIGTERM, .terminate), (SIGINT, .interrupt), (SIGHUP, .hangUp),
    ]

    /// Installs the handlers: from now on the signals do not end the process, except for a second SIGINT. Interrupted
    /// system calls are restarted. A SIGHUP that the parent ignores, as nohup does, stays ignored. SIGPIPE is ignored:
    /// a write to a pipe without a reader fails.
    package static func install() {
        // Initialised here, since a handler must not wait for a lock.
        _ = termination
        _ = received.load(ordering: .relaxed)
        signal(SIGPIPE, SIG_IGN)
        for (number, _) in reasons where number != SIGHUP || !isIgnored(number) {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { StopSignals.note($0) }
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        sigaction(number, nil, &action)
        // Functions can't be compared; SIG_IGN is the address 1.
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    /// Runs in the handler: calls only async-signal-safe functions.
    private static func note(_ number: Int32) {
        let before = received.bitwiseOr(1 << UInt64(number), ordering: .relaxed).oldValue
        if number == SIGTERM || number == SIGHUP { termination.ring() }
        if number == SIGINT, before & (1 << UInt64(SIGINT)) != 0 {
            signal(SIGINT, SIG_DFL)
            raise(SIGINT)
        }
    }

    /// The signals that this process has received since the last call, as requests.
    ///
    /// - Parameter savesOnUser1: SIGUSR1 requests a checkpoint instead of a stop.
    static func requests(savesOnUser1: Bool) -> StepRequests {
        guard received.load(ordering: .relaxed) != 0 else { return [] }
        // SIGINT stays set, so that the second one is recognised.
        let signals = received.bitwiseAnd(1 << UInt64(SIGINT), ordering: .relaxed).oldValue
        var requests: StepRequests = []
        for (number, reason) in reasons where signals & (1 << UInt64(number)) != 0 {
            requests.formUnion(number == SIGUSR1 && savesOnUser1 ? .checkpoint : StepRequests(stop: reason))
        }
        return requests
    }
}
