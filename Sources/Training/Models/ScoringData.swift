import ConfigFile
import FileFormats
import JobControl
import MPI
import Sequences
import System

/// The data that a loaded model is scored on: the test data of its configuration, otherwise the validation data, or a
/// file.
struct ScoringData {
    let split: String
    let task: any SequenceTask
    let source: any SequenceSource

    /// Opens it and checks that a rank has the memory for it. Collective.
    ///
    /// - Parameters:
    ///   - file: a file given by `option`; nil: the configuration's data.
    ///   - batch: sequences over all ranks; nil: `validation.batch`.
    ///   - predicts: whether the data is to be predicted: in the order of its files, and perhaps without targets.
    /// - Throws: a `CommandError` if the validation data is a fraction of training data that has changed since the
    ///   training: its end may have been trained on; also if the memory is insufficient.
    init(
        of model: LoadedModel, file: String?, option: String, batch: Int? = nil, predicts: Bool = false,
        on communicator: Communicator,
        _ console: Console
    ) throws {
        let (split, taken, source) = try communicator.agree {
            try Self.open(model, file: file, option: option, batch: batch, predicts: predicts)
        }
        let host = try communicator.splitByHost()
        let fingerprints = try DataFingerprints.compared(of: taken, on: communicator, host: host)
        let ranksOnHost = host.size
        try host.free()
        try communicator.agree {
            try ScoringMemory(model.sizes, taken.task, source, ranks: communicator.size)
                .check(model.sizes, ranksOnHost: ranksOnHost)
            if communicator.isRoot, file == nil { try compare(fingerprints, with: model, option: option, console) }
        }
        self.split = split
        task = taken.task
        self.source = source
    }

    private static func open(
        _ model: LoadedModel, file: String?, option: String, batch: Int?, predicts: Bool
    ) throws -> (split: String, taken: TaskData, source: any SequenceSource) {
        var request = model.request(splits: [.test])
        request.fitsStreams = true
        request.keepsOrder = predicts
        if let batch { request.validationBatch = batch }
        if let file {
            guard model.reads.isInFiles else {
                throw CommandError.usage(
                    "\(option) \(file): task \(model.configuration.text("task")) generates its sequences and reads no "
                        + "file; omit \(option)")
            }
            request.testFiles = [file]
            request.testOption = option
        }
        let loaded = try TaskTable.load(model.configuration, request)
        if let test = loaded.test { return ("test", loaded, test) }
        request.splits = [.validation]
        let validationData = try TaskTable.load(model.configuration, request)
        guard let validation = validationData.validation else {
            throw CommandError.usage(
                "\(model.path): its configuration has neither data.test nor data.validation; accepted: \(option) FILE")
        }
        return ("validation", validationData, validation)
    }
}

/// Compares the data's files with those of the training, on the root. For a changed validation or test text it only
/// warns: the results are those of the new text.
private func compare(
    _ fingerprints: JSONValue, with model: LoadedModel, option: String, _ console: Console
) throws {
    for (split, now) in fingerprints.members ?? [] {
        guard let then = model.fingerprints?[split], then != now else { continue }
        let (old, new) = DataFingerprints.descriptions(of: then, now)
        let change = "\(model.path): data.\(split) has changed: \(old) in the training, \(new) now"
        guard split == DataRequest.Split.train.rawValue else {
            console.warning(change)
            continue
        }
        throw CommandError.usage(
            "\(change), so what is scored may have been trained on; use the data of the training, or \(option) FILE"
        )
    }
}
