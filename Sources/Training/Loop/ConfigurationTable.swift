package import ConfigFile
import Optimization
import Recurrent
import Reduction
import Sequences

/// The keys of all modules: everything a configuration may contain.
package enum ConfigurationTable {
    package static let all = ConfigTable(
        keys: TaskTable.keys + NetworkConfiguration.keys + InitialWeights.keys + TrainingConfiguration.keys
            + UpdateRuleTable.keys + Schedule.keys,
        exclusive: TaskTable.exclusiveKeys + InitialWeights.exclusiveKeys + TrainingConfiguration.exclusiveKeys,
        traits: [
            NetworkConfiguration.readsTokens: TokenData.condition,
            NetworkConfiguration.mayReadAhead: TaskTable.condition { $0.mayReadAhead },
            Pooling.trait: TaskTable.condition { $0.scoresSequences },
            NetworkConfiguration.predictsTokens: TaskTable.condition { $0.predictsTokens },
        ])

    /// - Throws: a `CommandError` for keys that contradict each other.
    package static func check(_ configuration: Configuration) throws {
        try ReductionOptions.check(configuration)
        try NetworkConfiguration.check(configuration)
    }
}
