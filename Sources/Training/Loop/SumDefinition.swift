import FileFormats
import JobControl
import Reduction
import RunFolder

/// In which order a run's sums are made, as a checkpoint records it: bits are promised to be the same only where it is.
enum SumDefinition {
    /// Of the tree and everything else that `communication.reduction: reproducible` promises; a change of any bit is a new one.
    static let version = 2

    static func json(_ options: TrainingConfiguration) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = [("reduction", .string(options.reduction.order.rawValue))]
        if options.sumsByTree { members.append(("definition", .integer(version))) }
        members.append(("simd_level", .string(Environment.simdLevelOfBuild)))
        return .object(members)
    }

    /// What to say where a checkpoint's sums had the promise and the next ones are made in another way.
    static func difference(from checkpoint: Checkpoint, _ options: TrainingConfiguration) -> String? {
        guard let then = checkpoint.state.extra["sums"], then["reduction"]?.stringValue == "reproducible",
            then != json(options)
        else { return nil }
        func words(_ sums: JSONValue) -> String {
            "\(sums["reduction"]?.stringValue ?? "unknown")"
                + (sums["definition"]?.integerValue.map { ", definition \($0)" } ?? "")
                + ", SIMD level \(sums["simd_level"]?.stringValue ?? "unknown")"
        }
        return
            "sums: until here \(words(then)), from here on \(words(json(options))); the last bits may be others than without "
            + "this change"
    }
}
