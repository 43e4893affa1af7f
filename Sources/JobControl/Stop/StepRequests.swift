/// What ranks wish to happen after a step. It rides in the step's averaging, so that all ranks learn of it together and no collective
/// is made for it.
package struct StepRequests: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A checkpoint; training goes on.
    package static let checkpoint = StepRequests(rawValue: 1)

    /// The end of this leg.
    package init(stop reason: StopReason) { rawValue = 2 << reason.rawValue }

    /// How many different requests there are.
    package static let count = 1 + StopReason.allCases.count

    /// The one with this number.
    init(number: Int) { rawValue = 1 << UInt32(number) }

    /// Whether that one is among them.
    subscript(number: Int) -> Bool { contains(StepRequests(number: number)) }

    /// Why the leg is to end: the most urgent of the reasons; nil if none requests it.
    package var stop: StopReason? { StopReason.allCases.first { contains(StepRequests(stop: $0)) } }
}

/// Why a leg of a training ends before the training does; the most urgent first.
package enum StopReason: UInt32, CaseIterable, Sendable {
    /// Another job has the run folder, or it is gone: nothing is written there any more.
    case folderLost
    /// `lstm-dist stop --now`: without a checkpoint.
    case stopFileNow
    case interrupt, terminate, cpuTime, urgent, userSignal1, userSignal2
    case timeLeft, maxTime, stopAt, stopFile

    /// Whether the state is to be written first.
    package var wantsCheckpoint: Bool { self != .stopFileNow && self != .folderLost }

    /// For a message that says why a run stopped.
    package var words: String {
        switch self {
        case .folderLost: "the run folder is lost"
        case .stopFileNow: "lstm-dist stop --now asked for it"
        case .stopFile: "lstm-dist stop asked for it"
        case .interrupt: "SIGINT"
        case .terminate: "SIGTERM"
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
