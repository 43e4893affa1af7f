import ConfigFile
import Optimization
import Testing

@Suite("Learning-rate schedules")
struct ScheduleTests {
    /// The rates of each epoch's first update.
    private func rates(_ schedule: Schedule, epochs: ClosedRange<Int>) -> [Double] {
        epochs.map { schedule.rate(update: $0 * 10, epoch: $0, of: 1000) }
    }

    private func close(_ a: [Double], _ b: [Double]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-12 }
    }

    @Test("constant: the rate doesn't change")
    func constant() {
        #expect(rates(Schedule(.constant, base: 0.3), epochs: 1...4) == [0.3, 0.3, 0.3, 0.3])
    }

    @Test("step: the rate is multiplied by the factor after every `every_epochs` epochs, counted from 1")
    func step() {
        let schedule = Schedule(.step(factor: 0.5, everyEpochs: 3), base: 8)
        #expect(rates(schedule, epochs: 1...8) == [8, 8, 8, 4, 4, 4, 2, 2])
        #expect(rates(Schedule(.step(factor: 0.1, everyEpochs: 1), base: 1), epochs: 1...1) == [1])
    }

    @Test("exponential: the rate falls each epoch after the epochs at the full rate")
    func exponential() {
        #expect(rates(Schedule(.exponential(factor: 0.5, afterEpochs: 0), base: 8), epochs: 1...3) == [4, 2, 1])
        #expect(
            rates(Schedule(.exponential(factor: 0.5, afterEpochs: 4), base: 8), epochs: 1...7) == [8, 8, 8, 8, 4, 2, 1])
    }

    @Test("cosine: half a cosine from the rate at the first update to the final fraction at the last")
    func cosine() {
        func rates(_ final: Double) -> [Double] {
            let schedule = Schedule(.cosine(final: final), base: 2)
            return (1...5).map { schedule.rate(update: $0, epoch: 1, of: 5) }
        }
        let half = 0.5.squareRoot()
        #expect(close(rates(0), [2, 1 + half, 1, 1 - half, 0]))
        #expect(close(rates(0.5), [2, 1.5 + half / 2, 1.5, 1.5 - half / 2, 1]))
        #expect(Schedule(.cosine(final: 0), base: 2).rate(update: 1, epoch: 1, of: 1) == 2)
    }

    @Test("plateau: the rate falls after more than `patience` validations without a better loss, then counts again")
    func plateau() {
        var schedule = Schedule(.plateau(factor: 0.5, patience: 2), base: 8)
        // Same as ReduceLROnPlateau (threshold 0): its num_bad_epochs must exceed the patience.
        let losses: [Double] = [3, 2, 2, 2.5, 2.1, 1.9, 2, 2, 2, 2, 2, 2, 1.8]
        var rates: [Double] = []
        for loss in losses {
            schedule.observe(validationLoss: loss)
            rates.append(schedule.rate(update: 1, epoch: 1, of: 10))
        }
        #expect(rates == [8, 8, 8, 8, 4, 4, 4, 4, 2, 2, 2, 1, 1])
        #expect(schedule.memory.best == 1.8 && schedule.memory.validationsSince == 0 && schedule.memory.factor == 0.125)
    }

    @Test("plateau with patience 0: the rate falls at each validation that isn't better, including NaN")
    func impatient() {
        var schedule = Schedule(.plateau(factor: 0.5, patience: 0), base: 8)
        for loss in [1, .nan, .infinity, 1, 0.5] as [Double] { schedule.observe(validationLoss: loss) }
        #expect(schedule.rate(update: 1, epoch: 1, of: 10) == 1)
        #expect(schedule.memory.best == 0.5)
    }

    @Test("a plateau's state can be given to another schedule, which continues from it")
    func memory() {
        var schedule = Schedule(.plateau(factor: 0.5, patience: 1), base: 8)
        for loss in [1.0, 2] { schedule.observe(validationLoss: loss) }
        var other = Schedule(.plateau(factor: 0.5, patience: 1), base: 8)
        other.memory = schedule.memory
        other.observe(validationLoss: 2)
        #expect(other.rate(update: 1, epoch: 1, of: 10) == 4)
    }

    @Test("other schedules ignore validations")
    func indifferent() {
        var schedule = Schedule(.constant, base: 8)
        for _ in 0..<9 { schedule.observe(validationLoss: 1) }
        #expect(schedule.rate(update: 1, epoch: 1, of: 10) == 8 && schedule.memory == Schedule.Memory())
    }

    @Test("warm-up: update s up to warmup_steps uses rate x s / warmup_steps, with every schedule")
    func warmUp() {
        let constant = Schedule(.constant, base: 8, warmupSteps: 4)
        #expect((1...6).map { constant.rate(update: $0, epoch: 1, of: 100) } == [2, 4, 6, 8, 8, 8])
        let step = Schedule(.step(factor: 0.5, everyEpochs: 1), base: 8, warmupSteps: 4)
        #expect((1...6).map { step.rate(update: $0, epoch: $0 < 4 ? 1 : 2, of: 100) } == [2, 4, 6, 4, 4, 4])
    }

    @Test("a configuration's schedule is read from its keys")
    func configuration() throws {
        func schedule(_ yaml: String) throws -> Schedule {
            let table = ConfigTable(keys: UpdateRuleTable.keys + Schedule.keys)
            let text = "training:\n  optimizer: {learning_rate: 0.25}\n  schedule: {\(yaml)}\n"
            return Schedule(try Configuration(yaml: text, file: "test.yaml", table: table))
        }
        #expect(try schedule("name: constant").shape == .constant)
        #expect(try schedule("name: constant").base == 0.25)
        #expect(try schedule("name: constant").warmupSteps == 0)
        #expect(try schedule("warmup_steps: 7").warmupSteps == 7)
        #expect(try schedule("name: step, factor: 0.5, every_epochs: 2").shape == .step(factor: 0.5, everyEpochs: 2))
        #expect(try schedule("name: exponential, factor: 0.5").shape == .exponential(factor: 0.5, afterEpochs: 0))
        #expect(
            try schedule("name: exponential, factor: 0.5, after_epochs: 6").shape
                == .exponential(factor: 0.5, afterEpochs: 6))
        #expect(try schedule("name: cosine").shape == .cosine(final: 0))
        #expect(try schedule("name: cosine, final: 0.1").shape == .cosine(final: 0.1))
        #expect(try schedule("name: plateau, factor: 0.5, patience: 3").shape == .plateau(factor: 0.5, patience: 3))
    }

    @Test("the optimisers' defaults are PyTorch's, except momentum (0.9) and the rate")
    func defaults() throws {
        func optimizer(_ name: String) throws -> Configuration {
            try Configuration(
                yaml: "training:\n  optimizer: {name: \(name)}\n", file: "test.yaml",
                table: ConfigTable(keys: UpdateRuleTable.keys))
        }
        #expect(try optimizer("adam").number("training.optimizer.learning_rate") == 0.002)
        #expect(try optimizer("adam").numbers("training.optimizer.betas") == [0.9, 0.999])
        #expect(try optimizer("adam").number("training.optimizer.weight_decay") == 0)
        #expect(try optimizer("adamw").number("training.optimizer.weight_decay") == 0.01)
        #expect(try optimizer("adam").number("training.optimizer.eps") == 1e-8)
        #expect(try optimizer("adagrad").number("training.optimizer.eps") == 1e-10)
        #expect(try optimizer("momentum").number("training.optimizer.momentum") == 0.9)
        #expect(try optimizer("nesterov").number("training.optimizer.momentum") == 0.9)
        #expect(try optimizer("rmsprop").number("training.optimizer.momentum") == 0)
        #expect(try optimizer("rmsprop").number("training.optimizer.alpha") == 0.99)
        #expect(try !optimizer("sgd").has("training.optimizer.momentum"))
    }
}
