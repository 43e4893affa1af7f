/// Requests (checkpoint, stop) that ranks raise at a step. They are reduced together with the step's sums, so that all
/// ranks receive them at the same step and no extra collective is needed.
package struct StepRequests: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A checkpoint; training continues.
    package static let checkpoint = StepRequests(rawValue: 1)

    /// The end of this session.
    package init(stop reason: StopReason) { rawValue = 2 << reason.rawValue }

    /// The number of different requests.
    package static let count = 1 + StopReason.allCases.count

    /// The request with this number.
    init(number: Int) { rawValue = 1 << UInt32(number) }

    /// Whether the request with this number is raised.
    subscript(number: Int) -> Bool { contains(StepRequests(number: number)) }

    /// Why the session must end: the most urgent of the reasons; nil if none requests it.
    package var stop: StopReason? { StopReason.allCases.first { contains(StepRequests(stop: $0)) } }
}

/// Why a session ends before training does; the most urgent first.
package enum StopReason: UInt32, CaseIterable, Sendable {
    /// Another job has the run folder, or the folder is gone: nothing more is written there.
    case folderLost
    /// `lstm-dist stop --now`: without a checkpoint.
    case stopFileNow
    case interrupt, terminate, hangUp, cpuTime, urgent, userSignal1, userSignal2
    case timeLeft, maxTime, stopAt, stopFile

    /// Whether a checkpoint is written first.
    package var wantsCheckpoint: Bool { self != .stopFileNow && self != .folderLost }

    /// The reason as text, for the message about a stopped run.
    package var description: String {
        switch self {
        case .folderLost: "the run folder is lost"
        case .stopFileNow: "requested by lstm-dist stop --now"
        case .stopFile: "requested by lstm-dist stop"
        case .interrupt: "SIGINT"
        case .terminate: "SIGTERM"
        case .hangUp: "SIGHUP"
        case .cpuTime: "SIGXCPU"
        case .urgent: "SIGURG"
        case .userSignal1: "SIGUSR1"
        case .userSignal2: "SIGUSR2"
        case .timeLeft: "the job's time is nearly over"
        case .maxTime: "--max-time is nearly over"
        case .stopAt: "the time of --stop-at is near"
        }
    }
}
