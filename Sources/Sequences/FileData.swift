package import ConfigFile

/// The keys of all kinds of data that are read from files.
package enum FileData {
    package static let keys = [
        ConfigKey(
            "data.train", .texts, isRequired: true, onResume: .sameContents,
            "Training data: a file, a list of files or a glob."),
        ConfigKey("data.validation", .texts, onResume: .mayChange, "Validation data, as data.train."),
        ConfigKey(
            "data.validation_fraction", .number(.from(0, below: 1)),
            "Fraction of the training data used for validation: the end of a text, or sequences drawn by training.seed."
        ),
        ConfigKey("data.test", .texts, onResume: .mayChange, "Test data, scored once when training has ended."),
        ConfigKey(
            "data.source", .text, onResume: .mayChange, "How to get the data; printed if one of its files is missing."),
    ].map { $0.when(condition) }

    static let exclusiveKeys = [["data.validation", "data.validation_fraction"]]

    /// The condition that the configuration's task reads files.
    static let condition = TaskTable.condition { $0.reads.isInFiles }
}
