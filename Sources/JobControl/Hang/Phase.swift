package import MPI

/// What a rank is in, as the others are told that wait for it.
package enum Phase: Int, Sendable, CaseIterable {
    /// From the process's beginning to the data; first, as a page begins with 0.
    case startUp
    /// Reads the data, or a checkpoint.
    case loading
    case training, validation, checkpoint, test
    /// What a command does that trains nothing.
    case work
    /// Rank 0 works alone, for as long as it likes.
    case rootAlone
    /// Rank 0 writes down how the run ended.
    case saving
    case exit

    package var words: String {
        switch self {
        case .startUp: "start-up"
        case .loading: "loading"
        case .training: "training"
        case .validation: "validation"
        case .checkpoint: "checkpoint"
        case .test: "test"
        case .work: "work"
        case .rootAlone: "work of rank 0 alone"
        case .saving: "saving"
        case .exit: "exit"
        }
    }

    /// Work that one rank may do while all others wait, for longer than they would otherwise: as long as its process shows
    /// that it goes on.
    package var mayKeepOthersWaiting: Bool {
        switch self {
        case .loading, .validation, .checkpoint, .test, .rootAlone, .saving: true
        case .startUp, .training, .work, .exit: false
        }
    }
}

extension WaitPage {
    /// What the program is in.
    package var phase: Phase { Phase(sample) }

    /// Says what the program is in from now on.
    package func begin(_ phase: Phase) { note(phase: phase.rawValue) }

    /// Says what the program is in until `body` returns. If it throws, the phase stays: it is where the error came from.
    package func during<R>(_ phase: Phase, _ body: () throws -> R) rethrows -> R {
        let before = self.phase
        begin(phase)
        let result = try body()
        begin(before)
        return result
    }
}

extension Phase {
    /// That of a page.
    package init(_ sample: WaitPage.Sample) { self = Phase(rawValue: sample.phase) ?? .startUp }
}
