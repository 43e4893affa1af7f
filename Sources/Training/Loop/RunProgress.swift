package import FileFormats
import MPI
package import Optimization
package import RunFolder
import System

/// The counters of a run over all sessions: everything in state.json that a resumed run continues, apart from step,
/// epoch and position. A new counter is a property and a line in `table`.
package struct RunProgress: Equatable, Sendable {
    /// Training sequences so far, for tasks whose sequences end.
    package var sequences = 0
    /// The state of a plateau schedule.
    package var plateau = Schedule.Memory()
    /// The number of sequences after which a paper's training criterion was met.
    package var criterionMetAfter: Int?
    /// The loss of the best validation so far, infinite before the first one; its value of `validation.best`, if that
    /// is another metric; and its step.
    package var bestLoss = Double.infinity
    package var bestMetric = -Double.infinity
    package var bestStep: Int?
    package var validationsSinceBest = 0
    /// Steps without an update (`training.nonfinite: skip`).
    package var skippedSteps = 0
    /// Whether a session stopped before a validation that was due.
    package var owesValidation = false
    /// Whether the task is solved.
    package var isSolved = false

    package init() {}

    /// How a property is stored. Null and an absent key are the property's initial value.
    private enum Field: Sendable {
        case count(any WritableKeyPath<RunProgress, Int> & Sendable)
        case optionalCount(any WritableKeyPath<RunProgress, Int?> & Sendable)
        /// Null if infinite.
        case number(any WritableKeyPath<RunProgress, Double> & Sendable)
        case flag(any WritableKeyPath<RunProgress, Bool> & Sendable)
        /// The word if true, else null.
        case word(String, any WritableKeyPath<RunProgress, Bool> & Sendable)
    }

    /// The keys in `extra` of state.json.
    private static let table: [(key: String, field: Field)] = [
        ("sequences", .count(\.sequences)),
        ("plateau_best", .number(\.plateau.best)),
        ("plateau_validations_since", .count(\.plateau.validationsSince)),
        ("plateau_factor", .number(\.plateau.factor)),
        ("criterion_met_after", .optionalCount(\.criterionMetAfter)),
        ("best_validation_loss", .number(\.bestLoss)),
        ("best_validation_metric", .number(\.bestMetric)),
        ("best_step", .optionalCount(\.bestStep)),
        ("validations_since_best", .count(\.validationsSinceBest)),
        ("skipped_steps", .count(\.skippedSteps)),
        ("owes_validation", .flag(\.owesValidation)),
        ("ending", .word("solved", \.isSolved)),
    ]

    /// The members of `extra`.
    package var members: [(key: String, value: JSONValue)] {
        Self.table.map { key, field in
            let value: JSONValue =
                switch field {
                case .count(let path): .integer(self[keyPath: path])
                case .optionalCount(let path): self[keyPath: path].map { .integer($0) } ?? .null
                case .number(let path): self[keyPath: path].isFinite ? .number(self[keyPath: path]) : .null
                case .flag(let path): .boolean(self[keyPath: path])
                case .word(let word, let path): self[keyPath: path] ? .string(word) : .null
                }
            return (key, value)
        }
    }

    /// Reads `extra`, whose counts have been checked.
    private init(_ extra: JSONValue) {
        for (key, field) in Self.table {
            guard let value = extra[key], value != .null else { continue }
            switch field {
            case .count(let path): self[keyPath: path] = value.integerValue ?? 0
            case .optionalCount(let path): self[keyPath: path] = value.integerValue
            case .number(let path): if let number = value.numberValue { self[keyPath: path] = number }
            case .flag(let path): self[keyPath: path] = value == .boolean(true)
            case .word(let word, let path): self[keyPath: path] = value == .string(word)
            }
        }
    }

    /// 2^40 batches, of windows of up to a million time steps, still fit in Int.
    private static let largest = 1 << 40

    /// Rejects a state.json with numbers that no training can reach, before anything is computed from them: a damaged
    /// or forged file must not crash the program.
    ///
    /// - Throws: a `CommandError` that names the file, the number and what is accepted.
    package static func check(_ checkpoint: Checkpoint, stepsPerEpoch: Int) throws {
        let state = checkpoint.state
        func refuse(_ key: String, _ found: String, accepted: String) -> CommandError {
            .usage("\(checkpoint.path)/state.json: \(key) is \(shown(found)); accepted: \(accepted)")
        }
        guard state.epoch >= 1, state.epoch - 1 <= largest / max(stepsPerEpoch, 1) else {
            throw refuse(
                "epoch", "\(state.epoch)", accepted: "a number from 1 to \(1 + largest / max(stepsPerEpoch, 1))")
        }
        guard state.position < stepsPerEpoch else {
            throw refuse(
                "position", "\(state.position)", accepted: "a number below the \(stepsPerEpoch) steps of an epoch")
        }
        for (key, field) in table {
            guard let value = state.extra[key], value != .null else { continue }
            switch field {
            case .count, .optionalCount:
                guard let count = value.integerValue, 0...largest ~= count else {
                    throw refuse("extra.\(key)", value.text, accepted: "a whole number from 0 to \(largest), or null")
                }
            case .number, .flag, .word: break
            }
        }
    }

    /// Reads the root's checkpoint on all ranks. Collective (MPI_Bcast).
    ///
    /// - Parameter checkpoint: nil on all ranks but the root.
    static func read(_ checkpoint: Checkpoint?, stepsPerEpoch: Int, on communicator: Communicator) throws -> RunProgress
    {
        try communicator.agree {
            if let checkpoint { try check(checkpoint, stepsPerEpoch: stepsPerEpoch) }
        }
        let text = try communicator.broadcast(checkpoint?.state.extra.text ?? "", root: 0)
        return RunProgress(try JSONValue(parsing: text))
    }

    /// Counts a validation; returns whether it is the best so far: by its metric, of equal ones by its loss.
    ///
    /// - Parameter metric: its value of `validation.best`, of which the highest is the best; one that is not defined (NaN)
    ///   is below all others; nil: the loss decides.
    package mutating func note(validationLoss loss: Double, metric: Double?, step: Int) -> Bool {
        let value = metric.map { $0.isNaN ? -Double.infinity : $0 } ?? bestMetric
        let isBest = value > bestMetric || (value == bestMetric && loss < bestLoss)
        if isBest {
            bestLoss = loss
            bestMetric = value
            bestStep = step
        }
        validationsSinceBest = isBest ? 0 : validationsSinceBest + 1
        return isBest
    }

    /// Copies the trainer's counters.
    mutating func update(from trainer: Trainer) {
        sequences = trainer.sequences
        plateau = trainer.schedule.memory
        criterionMetAfter = trainer.criterion?.metAfter
    }
}
