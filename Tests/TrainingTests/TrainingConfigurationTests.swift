import ConfigFile
import Reduction
import Sequences
import Testing
import Training

@Suite("The configuration of a training")
struct TrainingConfigurationTests {
    private static func options(_ yaml: String, _ overrides: [String] = []) throws -> TrainingConfiguration {
        TrainingConfiguration(
            try Configuration(
                yaml: "task: reber\n" + yaml, file: "a.yaml", overrides: overrides, table: ConfigurationTable.all))
    }

    @Test("the defaults are those of the documented interface")
    func defaults() throws {
        let options = try Self.options("")
        #expect(options.batch == 50)
        #expect(options.length == .epochs(10))
        #expect(options.clipNorm == 5)
        #expect(options.accumulate == 1)
        #expect(options.seed == 1)
        #expect(options.checkpointInterval == .auto)
        #expect(options.checkpointsKept == 3)
        #expect(options.validationInterval == .epochs(1))
        #expect(options.patience == 0)
        #expect(!options.validatesAtRoot)
        #expect(options.validationBatch == 50)
        #expect(options.loggingInterval == 10)
        #expect(options.reduction.averaging == .auto)
        #expect(try Self.options("communication: {averaging: allreduce}").reduction.averaging == .allreduce)
    }

    @Test("a key that is set replaces the default of its alternative, and --set replaces the file's value")
    func alternatives() throws {
        let file = "training: {epochs: 3}\nvalidation: {every_steps: 7}\ncheckpoint: {every_minutes: 2.5}\n"
        let options = try Self.options(file, ["training.steps=11"])
        #expect(options.length == .steps(11))
        #expect(options.validationInterval == .steps(7))
        #expect(options.checkpointInterval == .minutes(2.5))
    }

    @Test("training runs for its steps or its epochs' steps; a number that overflows becomes the largest Int")
    func totalSteps() throws {
        #expect(try Self.options("training: {steps: 5}").totalSteps(stepsPerEpoch: 100) == 5)
        #expect(try Self.options("training: {epochs: 5}").totalSteps(stepsPerEpoch: 100) == 500)
        #expect(try Self.options("training: {epochs: 5}").totalSteps(stepsPerEpoch: .max / 2) == .max)
    }

    @Test("every_epochs 0 disables validation")
    func noValidation() throws {
        let options = try Self.options("validation: {every_epochs: 0}")
        #expect(!options.validates)
        #expect(options.dataRequest.splits == [.train, .test])
    }

    @Test("the embedded default is a valid configuration")
    func embeddedDefault() throws {
        let configuration = try Configuration(
            yaml: DefaultConfiguration.yaml, file: DefaultConfiguration.name, table: ConfigurationTable.all)
        #expect(configuration.text("task") == "reber")
    }
}
