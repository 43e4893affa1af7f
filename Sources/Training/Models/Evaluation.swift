import ConfigFile
package import FileFormats
import JobControl
package import MPI
import Sequences
import System

/// Scores a checkpoint on its test data, else its validation data, or on another file: the object that `evaluate` prints.
/// Collective.
package func evaluate(_ argument: String, data: String?, on communicator: Communicator) throws -> JSONValue {
    Job.page.begin(.loading)
    let model = try LoadedModel(argument, on: communicator)
    let (split, taken, source) = try communicator.agree {
        var request = model.request(splits: [.test])
        if let data {
            guard model.vocabulary != nil else {
                throw CommandError.usage(
                    "--data \(data): task \(model.configuration.text("task")) draws its sequences and reads no file; "
                        + "accepted: evaluate without --data")
            }
            request.testFiles = [data]
        }
        let loaded = try TaskTable.load(model.configuration, request)
        if let test = loaded.test { return ("test", loaded, test) }
        request.splits = [.validation]
        let others = try TaskTable.load(model.configuration, request)
        guard let validation = others.validation else {
            throw CommandError.usage(
                "\(model.path): its configuration names neither data.test nor data.validation; accepted: --data FILE")
        }
        return ("validation", others, validation)
    }
    let host = try communicator.splitByHost()
    _ = try DataFingerprints.compared(of: taken, on: communicator, host: host)
    try host.free()
    Job.page.begin(.validation)
    let scorer = Evaluator(communicator, task: taken.task, source: source, for: model.sizes, rootOnly: false)
    let score = try scorer.score(model.network)
    return .object(
        [
            ("checkpoint", .string(model.path)), ("split", .string(split)), ("loss", .float(Float(score.loss))),
            ("tokens", .integer(score.scored)),
        ] + score.metrics.map { ($0.name, .float(Float($0.value))) })
}
