package import ConfigFile

/// A kind of data. It declares the keys that all of its tasks share, so that a second text task need not declare
/// `data.train` and `data.tokenizer`.
package enum DataKind: Sendable, CaseIterable {
    /// Text in files, divided into streams.
    case text
    /// Sequences in files: series of values, or texts.
    case sequences
    /// Sequences drawn from the seed.
    case generated

    /// The condition that the configuration's task reads this kind of data.
    package var condition: Condition {
        Condition(path: "task", isOneOf: TaskTable.all.filter { $0.reads == self }.map { $0.name })
    }

    /// Its keys. A key without a condition applies to all tasks of this kind.
    package var keys: [ConfigKey] {
        let keys =
            switch self {
            case .text: TextData.keys
            case .sequences: SequenceData.keys
            case .generated: GeneratedSource.keys
            }
        return keys.map { $0.when == nil ? $0.when(condition) : $0 }
    }

    /// Whether the data is read from files, by the keys of `FileData`.
    package var isInFiles: Bool { self != .generated }
}
