package import ConfigFile

/// All tasks. Tests walk this table.
package enum TaskTable {
    package static let all: [any SequenceTask.Type] = [
        LanguageModel.self, Classification.self, Labelling.self, Reber.self, Adding.self, TemporalOrder.self,
    ]

    package static let keys: [ConfigKey] =
        [ConfigKey("task", .choice(all.map { $0.name }), isRequired: true, "The task.")]
        + FileData.keys + TokenData.keys + DataKind.allCases.flatMap(\.keys) + all.flatMap { $0.keys }

    /// The condition that the task has a property.
    package static func condition(_ property: (any SequenceTask.Type) -> Bool) -> Condition {
        Condition(path: "task", isOneOf: all.filter(property).map { $0.name })
    }

    package static let exclusiveKeys = FileData.exclusiveKeys

    /// The configuration's task.
    package static func task(of configuration: Configuration) -> any SequenceTask.Type {
        let name = configuration.text("task")
        guard let task = all.first(where: { $0.name == name }) else {
            preconditionFailure("the key accepts only names of `all`")
        }
        return task
    }

    /// Opens the data of the configuration's task.
    package static func load(_ configuration: Configuration, _ request: DataRequest) throws -> TaskData {
        try task(of: configuration).load(configuration, request)
    }
}
