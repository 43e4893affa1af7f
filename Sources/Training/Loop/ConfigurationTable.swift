package import ConfigFile
import Optimization
import Recurrent
import Sequences

/// All keys of all owners: what a configuration may contain.
package enum ConfigurationTable {
    package static let all = ConfigTable(
        keys: TaskTable.keys + NetworkConfiguration.keys + InitialWeights.keys + TrainingConfiguration.keys
            + UpdateRuleTable.keys + Schedule.keys,
        exclusive: TaskTable.exclusiveKeys + InitialWeights.exclusiveKeys + TrainingConfiguration.exclusiveKeys,
        traits: [NetworkConfiguration.readsTokens: DataKind.text.condition])
}
