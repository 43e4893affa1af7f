import ConfigFile
import Testing

@Suite("Merging file, overrides and defaults")
struct MergingTests {
    @Test("overrides take precedence over the file, the file over defaults, and each value has its origin")
    func precedence() throws {
        let configuration = try configuration(
            "task: reber\nmodel:\n  hidden: 3\n  cell: gru\n", set: ["model.hidden=4"])
        #expect(configuration.integer("model.hidden") == 4)
        #expect(configuration.text("model.cell") == "gru")
        #expect(configuration.integer("training.batch") == 50)
        #expect(configuration.origin("model.hidden") == .set)
        #expect(configuration.origin("model.cell") == .file(name: "configs/a.yaml", line: 4))
        #expect(configuration.origin("training.batch") == .default)
        #expect(configuration.place("model.hidden") == "--set model.hidden")
        #expect(configuration.place("model.cell") == "configs/a.yaml, line 4: model.cell")
        #expect(configuration.place("training.batch") == "training.batch (default)")
        #expect(configuration.place("data.validation") == "data.validation (not given)")
    }

    @Test("a value's origin is the line of its key")
    func lineOfKey() throws {
        let configuration = try configuration("task:\n  reber\ndata:\n  validation:\n    - a.txt\n")
        #expect(configuration.origin("task") == .file(name: "configs/a.yaml", line: 1))
        #expect(configuration.origin("data.validation") == .file(name: "configs/a.yaml", line: 4))
    }

    @Test("one alternative replaces the other's default, and one by --set the file's")
    func alternatives() throws {
        let byDefault = try configuration("task: reber")
        #expect(byDefault.integer("training.epochs") == 10)
        #expect(!byDefault.has("training.steps"))

        let byFile = try configuration("task: reber\ntraining: {steps: 7}\n")
        #expect(byFile.integer("training.steps") == 7)
        #expect(byFile.value("training.epochs") == nil)

        let bySet = try configuration("task: reber\ntraining: {steps: 7}\n", set: ["training.epochs=3"])
        #expect(bySet.integer("training.epochs") == 3)
        #expect(!bySet.has("training.steps"))

        let neither = try configuration("task: reber\n")
        #expect(!neither.has("data.validation") && !neither.has("data.validation_fraction"))
        let none = try configuration("task: reber\ndata: {validation_fraction: 0}\n")
        #expect(none.number("data.validation_fraction") == 0)
    }

    @Test("a key that is also a section is read as either")
    func keyAndSection() throws {
        let number = try configuration("task: reber\nmodel: {init: {forget_bias: 1.5}}\n")
        #expect(number.number("model.init.forget_bias") == 1.5)
        #expect(!number.has("model.init.forget_bias.chrono"))
        let chrono = try configuration("task: reber\nmodel: {init: {forget_bias: {chrono: 110}}}\n")
        #expect(chrono.integer("model.init.forget_bias.chrono") == 110)
        #expect(!chrono.has("model.init.forget_bias"))
        let set = try configuration(
            "task: reber\nmodel: {init: {forget_bias: {chrono: 110}}}\n", set: ["model.init.forget_bias=1"])
        #expect(set.number("model.init.forget_bias") == 1)
        #expect(!set.has("model.init.forget_bias.chrono"))
        let setSection = try configuration("task: reber", set: ["model.init.forget_bias={chrono: 5}"])
        #expect(setSection.integer("model.init.forget_bias.chrono") == 5)
    }

    @Test("a key's applicability and default depend on another key's value")
    func conditions() throws {
        let adam = try configuration("task: reber")
        #expect(adam.numbers("training.optimizer.betas") == [0.9, 0.999])
        #expect(!adam.has("training.optimizer.momentum"))
        #expect(adam.number("training.optimizer.weight_decay") == 0)

        let momentum = try configuration("task: reber", set: ["training.optimizer.name=momentum"])
        #expect(momentum.number("training.optimizer.momentum") == 0.9)
        #expect(!momentum.has("training.optimizer.betas"))

        let adamw = try configuration("task: reber", set: ["training.optimizer.name=adamw"])
        #expect(adamw.number("training.optimizer.weight_decay") == 0.01)
    }

    @Test("a required key may be replaced by its alternative")
    func requiredAlternative() throws {
        let table = ConfigTable(
            keys: [
                ConfigKey("steps", .integer(1...9), isRequired: true, "Steps."),
                ConfigKey("epochs", .integer(1...9), "Epochs."),
            ], exclusive: [["steps", "epochs"]])
        #expect(try Configuration(yaml: "epochs: 2", file: "a", table: table).integer("epochs") == 2)
        let keys = table.keys + [ConfigKey("seed", .integer(0...9), "The seed.")]
        let error = #expect(throws: ConfigError.self) {
            try Configuration(
                yaml: "seed: 2", file: "a", table: ConfigTable(keys: keys, exclusive: [["steps", "epochs"]]))
        }
        #expect(
            error?.description
                == "a: steps is missing; accepted: one of steps or epochs, the first an integer from 1 to 9")
    }

    @Test("differences list each changed key with its old and new value")
    func differences() throws {
        let old = try configuration("task: reber\ntraining: {epochs: 3, batch: 4}\n")
        let new = try configuration("task: reber\ntraining: {steps: 9, optimizer: {betas: [0, 0.5]}}\n")
        #expect(
            new.differences(from: old).map { "\($0.path): \($0.old) -> \($0.new)" } == [
                "training.batch: 4 -> 50", "training.epochs: 3 -> not given", "training.steps: not given -> 9",
                "training.optimizer.betas: [0.9, 0.999] -> [0.0, 0.5]",
            ])
        #expect(new.differences(from: new).isEmpty)
    }
}
