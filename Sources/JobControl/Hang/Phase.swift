package import MPI

/// The phase that a rank is in, as reported to the ranks that wait for it.
package enum Phase: Int, Sendable, CaseIterable {
    /// From the start of the process to the loading of data; the first case, since a page begins with 0.
    case startUp
    /// Reads the data, or a checkpoint.
    case loading
    case training, validation, checkpoint, test
    /// The work of a command that does not train.
    case work
    /// Rank 0 works alone, without a time limit.
    case rootAlone
    /// The ranks of a group wait for other groups, which work on separate runs, without a time limit.
    case betweenGroups
    /// Rank 0 writes the outcome of the run.
    case saving
    case exit

    package var description: String {
        switch self {
        case .startUp: "start-up"
        case .loading: "loading"
        case .training: "training"
        case .validation: "validation"
        case .checkpoint: "checkpoint"
        case .test: "test"
        case .work: "work"
        case .rootAlone: "work of rank 0 alone"
        case .betweenGroups: "waiting for other groups"
        case .saving: "saving"
        case .exit: "exit"
        }
    }

    /// Whether one rank may do this work while all others wait for longer than usual, as long as its process shows
    /// progress.
    package var mayKeepOthersWaiting: Bool {
        switch self {
        case .loading, .validation, .checkpoint, .test, .rootAlone, .saving: true
        case .startUp, .training, .work, .betweenGroups, .exit: false
        }
    }
}

extension WaitPage {
    /// The current phase of the program.
    package var phase: Phase { Phase(sample) }

    /// Sets the phase of the program.
    package func begin(_ phase: Phase) { note(phase: phase.rawValue) }

    /// Sets the phase of the program until `body` returns. If it throws, the phase stays, since the error came from it.
    package func during<R>(_ phase: Phase, _ body: () throws -> R) rethrows -> R {
        let before = self.phase
        begin(phase)
        let result = try body()
        begin(before)
        return result
    }
}

extension Phase {
    /// The phase of a page.
    package init(_ sample: WaitPage.Sample) { self = Phase(rawValue: sample.phase) ?? .startUp }
}
