import ConfigFile
package import FileFormats
package import JobControl
package import MPI
import Sequences
import System

/// Scores a checkpoint on its test data, otherwise on its validation data, or on another file. Returns the object that
/// `evaluate` prints. Collective.
///
/// - Throws: a `CommandError` if the validation data is a fraction of a training text that has changed since the
///   training: its end may have been trained on; also if the memory is insufficient.
package func evaluate(
    _ argument: String, data: String?, on communicator: Communicator, _ console: Console
) throws -> JSONValue {
    Job.page.begin(.loading)
    let model = try LoadedModel(argument, on: communicator)
    let (split, taken, source) = try communicator.agree {
        var request = model.request(splits: [.test])
        request.fitsStreams = true
        if let data {
            guard model.vocabulary != nil else {
                throw CommandError.usage(
                    "--data \(data): task \(model.configuration.text("task")) generates its sequences and reads no file; "
                        + "use evaluate without --data")
            }
            request.testFiles = [data]
        }
        let loaded = try TaskTable.load(model.configuration, request)
        if let test = loaded.test { return ("test", loaded, test) }
        request.splits = [.validation]
        let validationData = try TaskTable.load(model.configuration, request)
        guard let validation = validationData.validation else {
            throw CommandError.usage(
                "\(model.path): its configuration has neither data.test nor data.validation; use --data FILE")
        }
        return ("validation", validationData, validation)
    }
    let host = try communicator.splitByHost()
    let fingerprints = try DataFingerprints.compared(of: taken, on: communicator, host: host)
    let ranksOnHost = host.size
    try host.free()
    try communicator.agree {
        try ScoringMemory(model.sizes, taken.task, source, ranks: communicator.size)
            .check(model.sizes, ranksOnHost: ranksOnHost)
        if communicator.isRoot, data == nil { try compare(fingerprints, with: model, console) }
    }
    let (streams, batch) = (source.rows(inStep: 0), model.request(splits: []).validationBatch)
    if source.carriesState, streams < batch {
        console.warning(
            "the text is too short for validation.batch \(batch): it is scored in \(counted(streams, "stream")), and the "
                + "loss depends on their number")
    }
    Job.page.begin(.validation)
    let scorer = Evaluator(communicator, task: taken.task, source: source, for: model.sizes, rootOnly: false)
    let score = try scorer.score(model.network)
    return .object(
        [
            ("checkpoint", .string(model.path)), ("split", .string(split)), ("loss", .float(Float(score.loss))),
            ("tokens", .integer(score.scored)),
        ] + score.metrics.map { ($0.name, .float(Float($0.value))) })
}

/// Compares the data's files with those of the training, on the root. A changed validation or test text is a warning:
/// the figures are of the new text.
private func compare(_ fingerprints: JSONValue, with model: LoadedModel, _ console: Console) throws {
    for (split, now) in fingerprints.members ?? [] {
        guard let then = model.fingerprints?[split], then != now else { continue }
        let (old, new) = DataFingerprints.descriptions(of: then, now)
        let change = "\(model.path): data.\(split) is not the text it was: \(old) at the training, \(new) now"
        guard split == DataRequest.Split.train.rawValue else {
            console.warning(change)
            continue
        }
        throw CommandError.usage(
            "\(change), so its last tokens may have been trained on; accepted: the text of the training, or --data FILE"
        )
    }
}
