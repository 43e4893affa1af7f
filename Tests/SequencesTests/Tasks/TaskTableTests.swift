import ConfigFile
import Sequences
import Tensors
import TestSupport
import Testing

@Suite("Table of tasks")
struct TaskTableTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A configuration of the task with its defaults and required keys.
    private func configuration(of task: any SequenceTask.Type) throws -> Configuration {
        var yaml = "task: \(task.name)\n"
        let required = ((task.reads.isInFiles ? FileData.keys : []) + task.reads.keys + task.keys).filter(\.isRequired)
            .map(\.path)
        #expect(required.allSatisfy { $0 == "data.train" }, "this test doesn't give \(task.name) \(required)")
        if required == ["data.train"] {
            let file = try file(of: task)
            yaml += "data: {train: \(file), validation_fraction: 0.1}\n"
        }
        return try taskConfiguration(yaml)
    }

    /// Training data of a task.
    private func file(of task: any SequenceTask.Type) throws -> String {
        switch task.reads {
        case .text: return try folder.write(String(repeating: "so many words, and so few are new.\n", count: 100).utf8)
        case .sequences where task == Labelling.self:
            let lines = (0..<40).map { "a\($0 % 4)\tB-\($0 % 2)\n\($0 % 3 == 0 ? "b\tO\n" : "")\n" }
            try folder.write(lines.joined(), to: "labelled.conll")
            return folder.file("labelled.conll")
        case .sequences:
            let lines = (0..<40).map { "\($0)\(String(repeating: ",1", count: $0 % 5)):\($0 % 3)\n" }
            try folder.write("@classLabel true\n@data\n" + lines.joined(), to: "series.ts")
            return folder.file("series.ts")
        case .generated: return ""
        }
    }

    private func load(_ task: any SequenceTask.Type, seed: UInt64 = 1) throws -> TaskData {
        try TaskTable.load(
            configuration(of: task),
            DataRequest(splits: [.train, .validation], batch: 6, validationBatch: 4, seed: seed))
    }

    @Test("the tasks' names differ, and the task of a name is loaded")
    func names() throws {
        #expect(Set(TaskTable.all.map { $0.name }).count == TaskTable.all.count)
        for task in TaskTable.all {
            let loaded = try load(task).task
            #expect(type(of: loaded).name == task.name)
        }
    }

    @Test("a task's keys apply only to it, and a kind of data's keys only to its tasks")
    func keys() throws {
        for task in TaskTable.all {
            let configuration = try configuration(of: task)
            for other in TaskTable.all where other.name != task.name {
                for key in other.keys { #expect(!configuration.has(key.path), "\(key.path) of \(task.name)") }
            }
            for kind in DataKind.allCases where kind != task.reads {
                for key in kind.keys { #expect(!configuration.has(key.path), "\(key.path) of \(task.name)") }
            }
            #expect(configuration.has("data.sequences_per_epoch") == (task is any GeneratedTask.Type), "\(task.name)")
            #expect(configuration.has("training.window") == (task.reads == .text), "\(task.name)")
        }
    }

    @Test("every batch of every task has its shape and scores a time step of every sequence")
    func shapes() throws {
        for task in TaskTable.all {
            let data = try load(task)
            let shape = data.task.shape
            for source in [data.training, data.validation] {
                var source = try #require(source)
                for step in Set([0, source.stepsPerEpoch / 2, source.stepsPerEpoch - 1]) {
                    var batch = Batch()
                    let count = source.rows(inStep: step)
                    try source.read(0..<count, step: step, epoch: 2, into: &batch)
                    let rows = batch.window * batch.sequences
                    #expect(batch.sequences == count && batch.window > 0)
                    #expect(batch.targets.count == rows)
                    switch shape.input {
                    case .tokens(let vocabulary):
                        #expect(batch.tokens.count == rows && batch.features.isEmpty)
                        #expect(batch.tokens.allSatisfy { $0 >= 0 && $0 < vocabulary })
                    case .features(let width):
                        #expect(batch.features.count == rows * width && batch.tokens.isEmpty)
                        #expect(batch.features.allSatisfy { $0.isFinite })
                    }
                    switch shape.output {
                    case .classes(let classes):
                        #expect(batch.targets.allSatisfy { $0 == Batch.unscored || $0 >= 0 && $0 < classes })
                        #expect(batch.targetValues.isEmpty)
                    case .values(let width):
                        #expect(batch.targetValues.count == rows * width)
                        #expect(batch.targetValues.allSatisfy { $0.isFinite })
                    }
                    for b in 0..<count {
                        let scored = (0..<batch.window).count { batch.targets[$0 * count + b] != Batch.unscored }
                        #expect(scored > 0, "\(task.name), step \(step), sequence \(b)")
                    }
                    #expect(batch.steps > 0 && batch.steps <= rows)
                }
            }
        }
    }

    @Test("the evaluation's sums accumulate over batches, and its metrics are finite")
    func evaluation() throws {
        for task in TaskTable.all {
            let data = try load(task)
            var source = try #require(data.validation)
            var batch = Batch()
            try source.read(0..<source.rows(inStep: 0), step: 0, epoch: 1, into: &batch)
            let width = data.task.shape.output.width
            let output = { (row: Int) in
                (0..<width).map { Float(($0 + row) % width + 1) / Float(width * (width + 1) / 2) }
            }
            let once = Evaluation(data.task, batch, output: output)
            let twice = Evaluation(data.task, batch, sums: once.sums, output: output)
            #expect(once.sums.count == data.task.sumCount && once.sums.allSatisfy { $0.isFinite })
            #expect(twice.sums == once.sums.map { 2 * $0 } && twice.errors.count == once.errors.count)
            let metrics = data.task.metrics(loss: 0.5, sums: once.sums)
            #expect(metrics.allSatisfy { $0.value.isFinite } && Set(metrics.map(\.name)).count == metrics.count)
            // A criterion needs the error of each sequence.
            #expect(data.task.criterion == nil || !once.errors.contains(-1))
        }
    }

    @Test("the same seed gives the same data, another seed other generated data")
    func seeds() throws {
        for task in TaskTable.all {
            func first(_ seed: UInt64) throws -> Batch {
                var batch = Batch()
                var source = try #require(try load(task, seed: seed).training)
                try source.read(0..<6, step: 0, epoch: 1, into: &batch)
                return batch
            }
            let (a, b, other) = (try first(1), try first(1), try first(2))
            #expect(a.features == b.features && a.tokens == b.tokens && a.targets == b.targets)
            if task is any GeneratedTask.Type { #expect(a.features != other.features, "\(task.name)") }
        }
    }

    @Test("generated tasks validate on 1,000 sequences, adding on 2,560, and train on data.sequences_per_epoch")
    func counts() throws {
        func sequences(_ source: (any SequenceSource)?) throws -> Int {
            let source = try #require(source)
            return (0..<source.stepsPerEpoch).reduce(0) { $0 + source.rows(inStep: $1) }
        }
        for task in TaskTable.all where task is any GeneratedTask.Type {
            let data = try load(task)
            #expect(try sequences(data.training) == 1000)
            #expect(try sequences(data.validation) == (task == Adding.self ? 2560 : 1000))
            #expect(data.vocabulary == nil && data.files.isEmpty && data.test == nil)
        }
    }

    @Test("a split that isn't requested is not opened")
    func splits() throws {
        for task in TaskTable.all {
            let request = DataRequest(splits: [.validation], batch: 2, validationBatch: 2, seed: 1)
            let data = try TaskTable.load(configuration(of: task), request)
            #expect(data.training == nil && data.validation != nil && data.test == nil, "\(task.name)")
        }
    }
}
