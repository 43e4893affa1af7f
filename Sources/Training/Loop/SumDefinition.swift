import FileFormats
import JobControl
import Reduction
import RunFolder

/// The summation order of a run, as a checkpoint records it: bits are promised to be equal only where it is equal.
enum SumDefinition {
    /// The version of the summation tree and of everything else that `communication.reduction: reproducible` promises;
    /// any change of bits needs a new one.
    static let version = 2

    static func json(_ options: TrainingConfiguration) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = [("reduction", .string(options.reduction.order.rawValue))]
        if options.sumsByTree { members.append(("definition", .integer(version))) }
        members.append(("simd_level", .string(Environment.simdLevelOfBuild)))
        return .object(members)
    }

    /// A warning if the checkpoint's sums were reproducible and the next ones are computed differently.
    static func difference(from checkpoint: Checkpoint, _ options: TrainingConfiguration) -> String? {
        guard let then = checkpoint.state.extra["sums"], then["reduction"]?.stringValue == "reproducible",
            then != json(options)
        else { return nil }
        func describe(_ sums: JSONValue) -> String {
            "\(sums["reduction"]?.stringValue ?? "unknown")"
                + (sums["definition"]?.integerValue.map { ", definition \($0)" } ?? "")
                + ", SIMD level \(sums["simd_level"]?.stringValue ?? "unknown")"
        }
        return
            "sums: until here \(describe(then)), from here on \(describe(json(options))); the last bits may differ from those without "
            + "this change"
    }
}
