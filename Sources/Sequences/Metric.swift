package import ConfigFile
import System

/// The metrics by which a validation can be the best one so far (`validation.best`).
package enum Metric: String, Sendable, CaseIterable {
    case loss
    case accuracy
    case macroF1 = "macro_f1"
    case spanF1 = "span_f1"
    case auroc
    case auprc

    /// The best value is the highest.
    package var isHigherBetter: Bool { self != .loss }

    private static let automatic = "auto"

    package static let key = ConfigKey(
        "validation.best", .choice([automatic] + allCases.map(\.rawValue)), default: .text(automatic),
        "The metric by which a validation is the best so far; of equal ones the lower loss decides; auto: the task's first."
    )

    /// The metric of a configuration.
    ///
    /// - Throws: a `CommandError` if the task doesn't have it.
    package static func chosen(_ configuration: Configuration, for task: any SequenceTask) throws -> Metric {
        let name = configuration.text(key.path)
        let accepted = task.bestMetrics
        if name == automatic { return accepted.first ?? .loss }
        if let metric = accepted.first(where: { $0.rawValue == name }) { return metric }
        throw CommandError.usage(
            "\(configuration.place(key.path)) is \(name), which this task doesn't have; accepted: "
                + ([automatic] + accepted.map(\.rawValue)).joined(separator: ", "))
    }
}
