package import ConfigFile
import System

/// How gradients are summed over sequences and ranks: the keys `communication.reduction` and `communication.averaging`.
package struct ReductionOptions: Sendable {
    /// Where gradients are summed.
    package enum Averaging: String, Sendable, CaseIterable {
        /// In memory that the ranks of a host share; between hosts by MPI.
        case auto
        /// By one MPI_Allreduce over all ranks.
        case allreduce
    }

    /// In what order gradients are summed.
    package enum Order: String, Sendable, CaseIterable {
        /// As suits the ranks: the last bits depend on the number of ranks.
        case fast
        /// Along a tree over the sequences of the step (`SumTree`): the same bits for any number of ranks.
        case reproducible
    }

    package let averaging: Averaging
    package let order: Order

    package var sumsByTree: Bool { order == .reproducible }

    package static let keys: [ConfigKey] = [
        ConfigKey(
            "communication.reduction", .choice(Order.allCases.map(\.rawValue)), default: .text("reproducible"),
            defaultWhen: [
                (Condition(path: "communication.averaging", isOneOf: [Averaging.allreduce.rawValue]), .text("fast"))
            ],
            onResume: .mayChange,
            "Order of the sums over sequences; reproducible: the same bits on any number of ranks."),
        ConfigKey(
            "communication.averaging", .choice(Averaging.allCases.map(\.rawValue)), default: .text("auto"),
            onResume: .mayChange,
            "auto: in memory shared by the ranks of a host, where available; allreduce: one MPI_Allreduce."),
    ]

    package init(_ configuration: Configuration) {
        // The table of keys accepts only these values.
        averaging = Averaging(rawValue: configuration.text("communication.averaging")) ?? .auto
        order = Order(rawValue: configuration.text("communication.reduction")) ?? .reproducible
    }

    /// - Throws: a `CommandError` for keys that contradict each other.
    package static func check(_ configuration: Configuration) throws {
        let options = ReductionOptions(configuration)
        guard options.sumsByTree, options.averaging == .allreduce else { return }
        throw CommandError.usage(
            "\(configuration.place("communication.averaging")) is allreduce, whose order of sums is MPI's, and communication.reduction is "
                + "reproducible; accepted: averaging: auto, or reduction: fast")
    }
}
