package import ConfigFile
package import System
import Tensors

/// A task whose answers are labels of sequences in files, or of their time steps.
package protocol LabelTask: SequenceTask {
    var inputs: SequenceInputs { get }
    var labels: LabelSet { get }
    init(_ inputs: SequenceInputs, _ labels: LabelSet, _ configuration: Configuration)
}

extension LabelTask {
    package static var reads: DataKind { .sequences }
    package static var mayReadAhead: Bool { true }
    package static var mayReadTokens: Bool { true }
    package var artifacts: [Artifact] { [labels.artifact, inputs.artifact] }

    package static func load(_ configuration: Configuration, _ request: DataRequest) throws -> TaskData {
        let read = try MissingData.explained(by: configuration) { try SequenceData(configuration, request) }
        let task = Self(read.inputs, try labels(read, request.artifacts), configuration)
        var data = TaskData(task: task)
        if case .tokens(let vocabulary) = read.inputs { data.vocabulary = vocabulary }
        data.files = read.files
        data.notes = read.notes
        func source(
            _ part: SequenceData.Part, batch: Int, _ order: SequenceOrder, labels: LabelSet?
        ) throws -> LabelledSource {
            LabelledSource(
                try LabelledSequences(
                    part, read.inputs, shape: task.shape, labels, keepsTexts: request.keepsOrder),
                batch: batch, order)
        }
        if let part = read.training, request.splits.contains(.train) {
            let shuffles = configuration.boolean("training.shuffle")
            let training = try source(
                part, batch: request.batch, shuffles ? .shuffled(seed: request.seed) : .asRead, labels: task.labels)
            data.training = training
            data.notes.append(
                "padding: \((1000 * training.padding).rounded() / 10) % of the time steps of a batch, in the mean")
        }
        let order = request.keepsOrder ? SequenceOrder.asRead : .byLength
        data.validation = try read.validation.map {
            try source($0, batch: request.validationBatch, order, labels: task.labels)
        }
        data.test = try read.test.map {
            try source($0, batch: request.validationBatch, order, labels: request.keepsOrder ? nil : task.labels)
        }
        return data
    }

    private static func labels(_ read: SequenceData, _ artifacts: [Artifact]?) throws -> LabelSet {
        if let artifact = artifacts?.named(LabelSet.name) { return try LabelSet(artifact) }
        guard artifacts == nil, let training = read.training else { throw MissingArtifact(name: LabelSet.name) }
        return try LabelSet(
            training.table, Array(0..<training.table.count), scoresSequences ? .sequences : .steps)
    }
}
