import ConfigFile
import Testing

/// A table with a key of each kind, conditions, alternatives, and a key that begins another's path.
let sampleTable = ConfigTable(
    keys: [
        ConfigKey("task", .choice(["language-model", "reber"]), isRequired: true, "What is learned."),
        ConfigKey(
            "data.train", .texts, when: Condition(path: "task", isOneOf: ["language-model"]), isRequired: true,
            onResume: .sameContents, "The training text."),
        ConfigKey("data.validation", .texts, "The validation text."),
        ConfigKey("data.validation_fraction", .number(.from(0, below: 1)), "The last part of the training text."),
        ConfigKey("data.prompt", .text, "Where generated text begins."),
        ConfigKey("model.cell", .choice(["rnn", "lstm", "gru"]), default: .text("lstm"), "The recurrent cell."),
        ConfigKey("model.hidden", .integer(1...65536), default: .integer(128), "Units of a layer."),
        ConfigKey("model.bidirectional", .boolean, default: .boolean(false), "Whether a second stack reads backwards."),
        ConfigKey("model.dropout", .number(.from(0, below: 1)), default: .number(0), "The part of units dropped."),
        ConfigKey(
            "model.init.scale", .wordOrNumber(["auto"], .above(0)), default: .text("auto"), "The weights' bound."),
        ConfigKey("model.init.forget_bias", .number(.any), default: .number(0), "The forget gate's first bias."),
        ConfigKey("model.init.forget_bias.chrono", .integer(2...1_000_000), "The longest lag, for chrono biases."),
        ConfigKey("training.batch", .integer(1...1_000_000), default: .integer(50), "Sequences of a step."),
        ConfigKey("training.epochs", .integer(1...Int.max), default: .integer(10), "Passes over the data."),
        ConfigKey("training.steps", .integer(1...Int.max), onResume: .mayChange, "Optimiser steps."),
        ConfigKey(
            "training.optimizer.name", .choice(["sgd", "momentum", "adam", "adamw"]), default: .text("adam"),
            "The update rule."),
        ConfigKey("training.optimizer.learning_rate", .number(.above(0)), default: .number(0.002), "The step's size."),
        ConfigKey(
            "training.optimizer.momentum", .number(.from(0, below: 1)),
            default: .number(0.9), when: Condition(path: "training.optimizer.name", isOneOf: ["momentum"]),
            "The part kept."),
        ConfigKey(
            "training.optimizer.betas", .numbers(count: 2, .from(0, below: 1)),
            default: .list([.number(0.9), .number(0.999)]),
            when: Condition(path: "training.optimizer.name", isOneOf: ["adam", "adamw"]), "Decay of both means."),
        ConfigKey(
            "training.optimizer.weight_decay", .number(NumberRange(lower: .closed(0), upper: .none)),
            default: .number(0),
            defaultWhen: [(Condition(path: "training.optimizer.name", isOneOf: ["adamw"]), .number(0.01))],
            "The pull to zero."),
        ConfigKey("vocabulary", .wordOrInteger(["all"], 3...Int.max), default: .integer(10000), "Words kept."),
    ],
    exclusive: [
        ["data.validation", "data.validation_fraction"],
        ["model.init.forget_bias", "model.init.forget_bias.chrono"],
        ["training.epochs", "training.steps"],
    ])

/// The configuration of a text, read with the sample table.
func configuration(_ yaml: String, set overrides: [String] = []) throws -> Configuration {
    try Configuration(yaml: yaml, file: "configs/a.yaml", overrides: overrides, table: sampleTable)
}

/// The error message for a text and overrides; "accepted" if there is none.
func message(_ yaml: String, set overrides: [String] = []) -> String {
    do {
        _ = try Configuration(yaml: yaml, file: "configs/a.yaml", overrides: overrides, table: sampleTable)
        return "accepted"
    } catch {
        return error.description
    }
}

/// The error message for one override of a valid text.
func message(set override: String) -> String {
    message("task: reber\n", set: [override])
}
